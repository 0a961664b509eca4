//! French.

use super::{Texts, Words};

pub(super) const TEXTS: Texts = Texts {
    subject_with_code: "{code} est votre code pour {app}",
    subject_without_code: "Votre code pour {app}",
    or_open: "Ou ouvrez cette page :",
    valid_for: "Valable {life}.",
    never_tell: "Ne donnez ce code à personne. Personne chez {app} ne le demande.",
    not_you_without_link: "Si ce n'était pas vous, prévenez tout de suite les responsables de {app}.",
    footer: "{app} a envoyé ce message à {to} le {time}. Les réponses ne sont pas lues.",
    minutes: "minutes",
    hours: "heures",
    days: "jours",
    kinds: [
        Words {
            heading: "Connexion à {app}",
            lead: "Saisissez ce code dans l'application pour vous connecter.",
            link: "Se connecter",
            not_you: "Si ce n'était pas vous, ignorez ce message. Sans le code, personne n'entre.",
        },
        Words {
            heading: "Confirmez votre adresse pour {app}",
            lead: "Saisissez ce code dans l'application. Il confirme que cette adresse est la vôtre.",
            link: "Confirmer l'adresse",
            not_you: "Si vous n'y avez pas de compte, quelqu'un s'est trompé d'adresse. Ignorez ce message.",
        },
        Words {
            heading: "Nouveau mot de passe pour {app}",
            lead: "Saisissez ce code et un nouveau mot de passe dans l'application.",
            link: "Choisir un mot de passe",
            not_you: "Si ce n'était pas vous, ignorez ce message. Votre mot de passe reste le même.",
        },
        Words {
            heading: "Confirmez votre nouvelle adresse pour {app}",
            lead: "Saisissez ce code dans l'application. Votre compte aura alors cette adresse.",
            link: "Confirmer la nouvelle adresse",
            not_you: "Si ce n'était pas vous, ignorez ce message. Rien ne change.",
        },
        Words {
            heading: "Vous êtes invité à {app}",
            lead: "Ouvrez la page ci-dessous et choisissez un mot de passe. Votre compte sera alors prêt.",
            link: "Accepter l'invitation",
            not_you: "Si vous n'attendez pas d'invitation, ignorez ce message.",
        },
        Words {
            heading: "Votre mot de passe pour {app} a été changé",
            lead: "Le mot de passe de votre compte a été changé. Tous les autres appareils ont été déconnectés.",
            link: "",
            not_you: "Si ce n'était pas vous, choisissez-en vite un nouveau : \"Mot de passe oublié\" dans l'application.",
        },
        Words {
            heading: "Votre adresse pour {app} a été changée",
            lead: "Votre compte a maintenant une autre adresse. Les messages y sont désormais envoyés.",
            link: "Annuler le changement",
            not_you: "Si ce n'était pas vous, annulez le changement. Vous choisirez ensuite un nouveau mot de passe.",
        },
        Words {
            heading: "Vous avez déjà un compte chez {app}",
            lead: "Quelqu'un a voulu utiliser cette adresse, et un compte l'a déjà.",
            link: "",
            not_you: "Si c'était vous, connectez-vous, ou touchez \"Mot de passe oublié\" dans l'application.",
        },
        Words {
            heading: "Vous avez été déconnecté de {app} partout",
            lead: "Tous les appareils de votre compte ont été déconnectés.",
            link: "",
            not_you: "Si ce n'était pas vous, choisissez vite un nouveau mot de passe : \"Mot de passe oublié\" dans l'application.",
        },
        Words {
            heading: "Lier une connexion à {app}",
            lead: "Quelqu'un s'est connecté par un autre fournisseur avec cette adresse. Avec ce code, cette connexion ouvre votre compte.",
            link: "",
            not_you: "Si ce n'était pas vous, ignorez ce message et ne donnez le code à personne. Rien ne change.",
        },
        Words {
            heading: "Une autre connexion a été liée à {app}",
            lead: "La connexion par un autre fournisseur ouvre désormais votre compte.",
            link: "",
            not_you: "Si ce n'était pas vous, choisissez vite un nouveau mot de passe : \"Mot de passe oublié\" dans l'application.",
        },
    ],
};
