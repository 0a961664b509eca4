//! Spanish.

use super::{Texts, Words};

pub(super) const TEXTS: Texts = Texts {
    subject_with_code: "{code} es su código para {app}",
    subject_without_code: "Su código para {app}",
    or_open: "O abra esta página:",
    valid_for: "Válido durante {life}.",
    never_tell: "No diga este código a nadie. Nadie de {app} lo pide.",
    not_you_without_link: "Si no fue usted, avise enseguida a los responsables de {app}.",
    footer: "{app} envió este mensaje a {to} el {time}. Las respuestas no se leen.",
    minutes: "minutos",
    hours: "horas",
    days: "días",
    kinds: [
        Words {
            heading: "Iniciar sesión en {app}",
            lead: "Escriba este código en la aplicación para iniciar sesión.",
            link: "Iniciar sesión",
            not_you: "Si no fue usted, ignore este mensaje. Sin el código no entra nadie.",
        },
        Words {
            heading: "Confirme su dirección para {app}",
            lead: "Escriba este código en la aplicación. Confirma que esta dirección es suya.",
            link: "Confirmar la dirección",
            not_you: "Si no tiene una cuenta allí, alguien se equivocó de dirección. Ignore este mensaje.",
        },
        Words {
            heading: "Nueva contraseña para {app}",
            lead: "Escriba este código y una nueva contraseña en la aplicación.",
            link: "Elegir una contraseña",
            not_you: "Si no fue usted, ignore este mensaje. Su contraseña no cambia.",
        },
        Words {
            heading: "Confirme su nueva dirección para {app}",
            lead: "Escriba este código en la aplicación. Entonces su cuenta tendrá esta dirección.",
            link: "Confirmar la nueva dirección",
            not_you: "Si no fue usted, ignore este mensaje. No cambia nada.",
        },
        Words {
            heading: "Tiene una invitación a {app}",
            lead: "Abra la página de abajo y elija una contraseña. Entonces su cuenta estará lista.",
            link: "Aceptar la invitación",
            not_you: "Si no espera una invitación, ignore este mensaje.",
        },
        Words {
            heading: "Su contraseña para {app} ha cambiado",
            lead: "La contraseña de su cuenta ha cambiado. Los demás dispositivos cerraron la sesión.",
            link: "",
            not_you: "Si no fue usted, elija enseguida otra: \"Olvidé mi contraseña\" en la aplicación.",
        },
        Words {
            heading: "Su dirección para {app} ha cambiado",
            lead: "Su cuenta tiene ahora otra dirección. Los mensajes van allí a partir de ahora.",
            link: "Deshacer el cambio",
            not_you: "Si no fue usted, deshaga el cambio. Después elegirá una nueva contraseña.",
        },
        Words {
            heading: "Ya tiene una cuenta en {app}",
            lead: "Alguien quiso usar esta dirección, y una cuenta ya la tiene.",
            link: "",
            not_you: "Si fue usted, inicie sesión, o toque \"Olvidé mi contraseña\" en la aplicación.",
        },
        Words {
            heading: "Se cerraron todas sus sesiones en {app}",
            lead: "Todos los dispositivos de su cuenta cerraron la sesión.",
            link: "",
            not_you: "Si no fue usted, elija enseguida otra contraseña: \"Olvidé mi contraseña\" en la aplicación.",
        },
        Words {
            heading: "Vincular un inicio de sesión en {app}",
            lead: "Alguien inició sesión con otro proveedor y esta dirección. Con este código, ese inicio de sesión abre su cuenta.",
            link: "",
            not_you: "Si no fue usted, ignore este mensaje y no diga el código a nadie. Nada cambia.",
        },
        Words {
            heading: "Se vinculó otro inicio de sesión en {app}",
            lead: "Desde ahora, el inicio de sesión con otro proveedor abre su cuenta.",
            link: "",
            not_you: "Si no fue usted, elija enseguida otra contraseña: \"Olvidé mi contraseña\" en la aplicación.",
        },
    ],
};
