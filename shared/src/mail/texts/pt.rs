//! Portuguese.

use super::{Texts, Words};

pub(super) const TEXTS: Texts = Texts {
    subject_with_code: "{code} é o seu código para {app}",
    subject_without_code: "O seu código para {app}",
    or_open: "Ou abra esta página:",
    valid_for: "Válido por {life}.",
    never_tell: "Não diga este código a ninguém. Ninguém de {app} o pede.",
    not_you_without_link: "Se não foi você, avise logo os responsáveis por {app}.",
    footer: "{app} enviou esta mensagem para {to} em {time}. As respostas não são lidas.",
    minutes: "minutos",
    hours: "horas",
    days: "dias",
    kinds: [
        Words {
            heading: "Entrar em {app}",
            lead: "Digite este código no aplicativo para entrar.",
            link: "Entrar",
            not_you: "Se não foi você, ignore esta mensagem. Sem o código ninguém entra.",
        },
        Words {
            heading: "Confirme o seu endereço para {app}",
            lead: "Digite este código no aplicativo. Ele confirma que este endereço é seu.",
            link: "Confirmar o endereço",
            not_you: "Se você não tem uma conta lá, alguém errou o endereço. Ignore esta mensagem.",
        },
        Words {
            heading: "Nova senha para {app}",
            lead: "Digite este código e uma nova senha no aplicativo.",
            link: "Escolher uma senha",
            not_you: "Se não foi você, ignore esta mensagem. A sua senha continua a mesma.",
        },
        Words {
            heading: "Confirme o seu novo endereço para {app}",
            lead: "Digite este código no aplicativo. Então a sua conta terá este endereço.",
            link: "Confirmar o novo endereço",
            not_you: "Se não foi você, ignore esta mensagem. Nada muda.",
        },
        Words {
            heading: "Convite para {app}",
            lead: "Abra a página abaixo e escolha uma senha. Então a sua conta estará pronta.",
            link: "Aceitar o convite",
            not_you: "Se você não espera um convite, ignore esta mensagem.",
        },
        Words {
            heading: "A sua senha para {app} foi alterada",
            lead: "A senha da sua conta foi alterada. Todos os outros dispositivos foram desconectados.",
            link: "",
            not_you: "Se não foi você, escolha logo outra: \"Esqueci a senha\" no aplicativo.",
        },
        Words {
            heading: "O seu endereço para {app} foi alterado",
            lead: "A sua conta tem agora outro endereço. As mensagens vão para lá a partir de agora.",
            link: "Desfazer a alteração",
            not_you: "Se não foi você, desfaça a alteração. Depois você escolhe uma nova senha.",
        },
        Words {
            heading: "Você já tem uma conta em {app}",
            lead: "Alguém quis usar este endereço, e uma conta já o tem.",
            link: "",
            not_you: "Se foi você, entre, ou toque em \"Esqueci a senha\" no aplicativo.",
        },
        Words {
            heading: "Você foi desconectado de {app} em todos os lugares",
            lead: "Todos os dispositivos da sua conta foram desconectados.",
            link: "",
            not_you: "Se não foi você, escolha logo outra senha: \"Esqueci a senha\" no aplicativo.",
        },
        Words {
            heading: "Vincular uma entrada em {app}",
            lead: "Alguém entrou por outro provedor com este endereço. Com este código, essa entrada abre a sua conta.",
            link: "",
            not_you: "Se não foi você, ignore esta mensagem e não diga o código a ninguém. Nada muda.",
        },
        Words {
            heading: "Outra entrada foi vinculada em {app}",
            lead: "A entrada por outro provedor abre a sua conta a partir de agora.",
            link: "",
            not_you: "Se não foi você, escolha logo outra senha: \"Esqueci a senha\" no aplicativo.",
        },
    ],
};
