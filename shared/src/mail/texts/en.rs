//! English.

use super::{Texts, Words};

pub(super) const TEXTS: Texts = Texts {
    subject_with_code: "{code} is your code for {app}",
    subject_without_code: "Your code for {app}",
    or_open: "Or open this page:",
    valid_for: "It is valid for {life}.",
    never_tell: "Never tell anybody this code. Nobody from {app} asks for it.",
    not_you_without_link: "If it was not you, tell the people who run {app} at once.",
    footer: "{app} sent this mail to {to} on {time}. There is nothing to reply to.",
    minutes: "minutes",
    hours: "hours",
    days: "days",
    kinds: [
        Words {
            heading: "Log in to {app}",
            lead: "Type this code into the app to log in.",
            link: "Log in",
            not_you: "If you did not ask for it, ignore this mail. Without the code nobody gets in.",
        },
        Words {
            heading: "Confirm your address for {app}",
            lead: "Type this code into the app. It confirms that this address is yours.",
            link: "Confirm the address",
            not_you: "If you have no account there, somebody typed your address by mistake. Ignore this mail.",
        },
        Words {
            heading: "Choose a new password for {app}",
            lead: "Type this code and a new password into the app.",
            link: "Choose a new password",
            not_you: "If you did not ask for it, ignore this mail. Your password stays as it is.",
        },
        Words {
            heading: "Confirm your new address for {app}",
            lead: "Type this code into the app. Then this is the address of your account.",
            link: "Confirm the new address",
            not_you: "If you did not ask for it, ignore this mail. Nothing changes.",
        },
        Words {
            heading: "You are invited to {app}",
            lead: "Open the page below and choose a password. Then your account is ready.",
            link: "Accept the invitation",
            not_you: "If you do not expect an invitation, ignore this mail.",
        },
        Words {
            heading: "Your password for {app} was changed",
            lead: "The password of your account was changed, and all other devices were logged out.",
            link: "",
            not_you: "If it was not you, choose a new password at once: tap \"Forgot password\" in the app.",
        },
        Words {
            heading: "Your address for {app} was changed",
            lead: "Your account has another address now. Mails go there from now on.",
            link: "Take the change back",
            not_you: "If it was not you, take the change back. Then you choose a new password.",
        },
        Words {
            heading: "You have an account at {app} already",
            lead: "Somebody wanted to use this address, and an account has it already.",
            link: "",
            not_you: "If it was you, log in, or tap \"Forgot password\" in the app. If not, ignore this mail.",
        },
        Words {
            heading: "You were logged out of {app} everywhere",
            lead: "Every device of your account was logged out.",
            link: "",
            not_you: "If it was not you, choose a new password at once: tap \"Forgot password\" in the app.",
        },
        Words {
            heading: "Link a sign-in at {app}",
            lead: "Somebody signed in by another provider with this address. This code lets that sign-in open your account.",
            link: "",
            not_you: "If it was not you, ignore this mail and tell nobody the code. Nothing changes.",
        },
        Words {
            heading: "Another sign-in was linked at {app}",
            lead: "A sign-in of another provider opens your account from now on.",
            link: "",
            not_you: "If it was not you, choose a new password at once: tap \"Forgot password\" in the app.",
        },
    ],
};
