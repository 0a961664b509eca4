//! German.

use super::{Texts, Words};

pub(super) const TEXTS: Texts = Texts {
    subject_with_code: "{code} ist Ihr Code für {app}",
    subject_without_code: "Ihr Code für {app}",
    or_open: "Oder öffnen Sie diese Seite:",
    valid_for: "Gültig für {life}.",
    never_tell: "Sagen Sie diesen Code niemandem. Niemand von {app} fragt danach.",
    not_you_without_link: "Wenn Sie das nicht waren, wenden Sie sich sofort an die Betreiber von {app}.",
    footer: "{app} hat diese Mail am {time} an {to} geschickt. Antworten werden nicht gelesen.",
    minutes: "Minuten",
    hours: "Stunden",
    days: "Tage",
    kinds: [
        Words {
            heading: "Anmelden bei {app}",
            lead: "Geben Sie diesen Code in der App ein, um sich anzumelden.",
            link: "Anmelden",
            not_you: "Wenn Sie das nicht waren, ist nichts zu tun. Ohne den Code kommt niemand hinein.",
        },
        Words {
            heading: "Adresse für {app} bestätigen",
            lead: "Geben Sie diesen Code in der App ein. Er bestätigt, dass diese Adresse Ihnen gehört.",
            link: "Adresse bestätigen",
            not_you: "Wenn Sie dort kein Konto haben, hat sich jemand vertippt. Dann ist nichts zu tun.",
        },
        Words {
            heading: "Neues Passwort für {app}",
            lead: "Geben Sie diesen Code und ein neues Passwort in der App ein.",
            link: "Neues Passwort wählen",
            not_you: "Wenn Sie das nicht waren, ist nichts zu tun. Ihr Passwort bleibt, wie es ist.",
        },
        Words {
            heading: "Neue Adresse für {app} bestätigen",
            lead: "Geben Sie diesen Code in der App ein. Dann hat Ihr Konto diese Adresse.",
            link: "Neue Adresse bestätigen",
            not_you: "Wenn Sie das nicht waren, ist nichts zu tun. Es ändert sich nichts.",
        },
        Words {
            heading: "Einladung zu {app}",
            lead: "Öffnen Sie die Seite unten und wählen Sie ein Passwort. Dann ist Ihr Konto bereit.",
            link: "Einladung annehmen",
            not_you: "Wenn Sie keine Einladung erwarten, ist nichts zu tun.",
        },
        Words {
            heading: "Ihr Passwort für {app} wurde geändert",
            lead: "Das Passwort Ihres Kontos wurde geändert. Alle anderen Geräte wurden abgemeldet.",
            link: "",
            not_you: "Wenn Sie das nicht waren, wählen Sie sofort ein neues: in der App unter \"Passwort vergessen\".",
        },
        Words {
            heading: "Ihre Adresse für {app} wurde geändert",
            lead: "Ihr Konto hat jetzt eine andere Adresse. Mails gehen ab jetzt dorthin.",
            link: "Änderung rückgängig machen",
            not_you: "Wenn Sie das nicht waren, machen Sie es rückgängig. Dann wählen Sie ein neues Passwort.",
        },
        Words {
            heading: "Sie haben schon ein Konto bei {app}",
            lead: "Jemand wollte diese Adresse verwenden, und ein Konto hat sie schon.",
            link: "",
            not_you: "Wenn Sie das waren, melden Sie sich an, oder tippen Sie in der App auf \"Passwort vergessen\".",
        },
        Words {
            heading: "Sie wurden überall von {app} abgemeldet",
            lead: "Alle Geräte Ihres Kontos wurden abgemeldet.",
            link: "",
            not_you: "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort: in der App unter \"Passwort vergessen\".",
        },
        Words {
            heading: "Anmeldung bei {app} verknüpfen",
            lead: "Jemand hat sich bei einem anderen Anbieter mit dieser Adresse angemeldet. Mit diesem Code öffnet diese Anmeldung Ihr Konto.",
            link: "",
            not_you: "Wenn Sie das nicht waren, nennen Sie den Code niemandem. Dann ändert sich nichts.",
        },
        Words {
            heading: "Eine weitere Anmeldung bei {app} wurde verknüpft",
            lead: "Die Anmeldung bei einem anderen Anbieter öffnet ab jetzt Ihr Konto.",
            link: "",
            not_you: "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort: in der App unter \"Passwort vergessen\".",
        },
    ],
};
