//! All settings of licenceserver.conf as data: what the page shows, and what it may write.

/// How a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 0 or 1.
    Switch,
    /// One of these values, with what they are called in English and Russian.
    Choice(&'static [(&'static str, &'static str, &'static str)]),
    /// A number from, to.
    Number(u32, u32),
    /// A text.
    Text,
}

/// A setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its section in the file.
    pub(super) section: &'static str,
    /// Its key in the file.
    pub(super) key: &'static str,
    /// How it is written.
    pub(super) kind: Kind,
    /// What stands when the file says nothing.
    pub(super) usual: &'static str,
    /// What it is called, English and Russian.
    pub(super) name: (&'static str, &'static str),
    /// What else helps; empty when nothing does.
    pub(super) hint: (&'static str, &'static str),
}

/// Settings that belong together.
#[derive(Debug)]
pub(super) struct Group {
    /// Names the group in addresses.
    pub(super) id: &'static str,
    /// What it is called.
    pub(super) name: (&'static str, &'static str),
    /// Its settings.
    pub(super) settings: &'static [Setting],
}

const RESTART: (&str, &str) = (
    "Waits for the next start",
    "Вступит в силу при следующем запуске",
);
const NONE: (&str, &str) = ("", "");

const fn one(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    usual: &'static str,
    name: (&'static str, &'static str),
    hint: (&'static str, &'static str),
) -> Setting {
    Setting {
        section,
        key,
        kind,
        usual,
        name,
        hint,
    }
}

/// The settings in the page's order. UserName and Password have a page of their own, access codes a table.
pub(super) const GROUPS: [Group; 7] = [
    Group {
        id: "server",
        name: ("Server", "Сервер"),
        settings: &[
            one(
                "Common",
                "ServerAddr",
                Kind::Text,
                "",
                (
                    "Address to listen on; empty: all",
                    "Адрес для приёма соединений; пусто — все",
                ),
                RESTART,
            ),
            one(
                "Common",
                "ServerPort",
                Kind::Number(0, 65535),
                "9099",
                ("Port", "Порт"),
                RESTART,
            ),
            one(
                "Common",
                "Lang",
                Kind::Choice(&[
                    ("en", "English", "английский"),
                    ("ru", "Russian", "русский"),
                ]),
                "en",
                ("Language of messages", "Язык сообщений"),
                (
                    "Pages of the console follow the browser first",
                    "Страницы консоли сначала следуют языку браузера",
                ),
            ),
            one(
                "Common",
                "SeriesFile",
                Kind::Text,
                "licence.series",
                ("File of series", "Файл серий"),
                RESTART,
            ),
            one(
                "Common",
                "KeepPreviousLogs",
                Kind::Switch,
                "0",
                (
                    "Keep logs of earlier runs",
                    "Хранить журналы прошлых запусков",
                ),
                NONE,
            ),
            one(
                "Common",
                "KeepCurrentDateLogs",
                Kind::Switch,
                "0",
                ("Keep today's logs", "Хранить журналы за сегодня"),
                NONE,
            ),
            one(
                "Journal",
                "KeepDays",
                Kind::Number(1, 3650),
                "90",
                (
                    "Days that the journal of events is kept",
                    "Сколько дней хранить журнал событий",
                ),
                NONE,
            ),
        ],
    },
    Group {
        id: "console",
        name: ("Console and API", "Консоль и API"),
        settings: &[
            one(
                "Console",
                "Authorization",
                Kind::Choice(&[
                    (
                        "0",
                        "for settings and service operations",
                        "для параметров и служебных операций",
                    ),
                    ("1", "always", "всегда"),
                    ("2", "never (not recommended)", "никогда (не рекомендуется)"),
                ]),
                "0",
                (
                    "The console asks for the password",
                    "Консоль спрашивает пароль",
                ),
                NONE,
            ),
            one(
                "Console",
                "CheckCaptcha",
                Kind::Switch,
                "0",
                (
                    "Changes ask to read a picture",
                    "Для изменений нужно ввести символы с картинки",
                ),
                NONE,
            ),
            one(
                "API",
                "Enabled",
                Kind::Switch,
                "1",
                ("The API answers", "API включено"),
                ("Takes effect at once", "Действует сразу"),
            ),
            one(
                "Console",
                "LocalAccessOnly",
                Kind::Switch,
                "0",
                (
                    "Only this computer reaches console and API",
                    "Консоль и API только с этого компьютера",
                ),
                NONE,
            ),
            one(
                "Console",
                "AllowedAddresses",
                Kind::Text,
                "",
                (
                    "Networks that reach console and API; empty: all",
                    "Сети с доступом к консоли и API; пусто — все",
                ),
                ("192.168.0.0/16, fd00::/8", "192.168.0.0/16, fd00::/8"),
            ),
            one(
                "Console",
                "CheckDNSRebinding",
                Kind::Switch,
                "1",
                (
                    "Answer only to this server's names",
                    "Отвечать только на имена этого сервера",
                ),
                NONE,
            ),
            one(
                "Console",
                "HostNames",
                Kind::Text,
                "",
                ("Further names of this server", "Другие имена этого сервера"),
                ("licences.example.ru", "licences.example.ru"),
            ),
            one(
                "Console",
                "HideUnistalled",
                Kind::Switch,
                "0",
                (
                    "Hide products without a key",
                    "Скрывать продукты без ключей",
                ),
                NONE,
            ),
            one(
                "Console",
                "HideFullStorages",
                Kind::Switch,
                "0",
                (
                    "Hide carriers without room",
                    "Скрывать заполненные носители",
                ),
                NONE,
            ),
        ],
    },
    Group {
        id: "sessions",
        name: ("Sessions", "Сеансы"),
        settings: &[
            one(
                "Sessions",
                "SessionLinger",
                Kind::Number(0, 10080),
                "25",
                (
                    "Minutes that a session keeps its seat after its last process left",
                    "Сколько минут хранить лицензию после ухода последнего процесса",
                ),
                NONE,
            ),
            one(
                "Sessions",
                "HeartbeatSeconds",
                Kind::Number(1, 3600),
                "10",
                ("Seconds between heartbeats", "Секунд между сигналами связи"),
                NONE,
            ),
            one(
                "Sessions",
                "ExpireSeconds",
                Kind::Number(1, 3600),
                "20",
                (
                    "Seconds of silence after which seats are free",
                    "Секунд молчания, после которых лицензии свободны",
                ),
                NONE,
            ),
            one(
                "Sessions",
                "GraceSeconds",
                Kind::Number(0, 3600),
                "300",
                (
                    "Seconds that 1C works on without a server",
                    "Сколько секунд 1С работает без сервера",
                ),
                NONE,
            ),
            one(
                "Sessions",
                "FreeAppNames",
                Kind::Text,
                "",
                ("Applications that need no seat", "Приложения без лицензии"),
                (
                    "BackgroundJob, HTTPServiceConnection",
                    "BackgroundJob, HTTPServiceConnection",
                ),
            ),
        ],
    },
    Group {
        id: "centre",
        name: ("Licence centre", "Центр лицензирования"),
        settings: &[
            one(
                "Common",
                "LicenceCenterUrl",
                Kind::Text,
                "",
                ("Address", "Адрес"),
                (
                    "https://…, from the vendor",
                    "https://…, сообщает поставщик",
                ),
            ),
            one(
                "Common",
                "LicenceCenterUseProxy",
                Kind::Switch,
                "0",
                ("By the system's proxy", "Через системный прокси"),
                NONE,
            ),
            one(
                "Common",
                "LicenceCenterCertificates",
                Kind::Text,
                "",
                (
                    "File of certificates to trust; empty: the usual ones",
                    "Файл доверенных сертификатов; пусто — обычные",
                ),
                NONE,
            ),
            one(
                "LicenceUpdate",
                "Enabled",
                Kind::Switch,
                "1",
                ("Renew licences daily", "Ежедневно обновлять лицензии"),
                NONE,
            ),
        ],
    },
    Group {
        id: "carriers",
        name: ("Hardware carriers", "Аппаратные носители"),
        settings: &[
            one(
                "UPKey",
                "Enabled",
                Kind::Switch,
                "1",
                ("Use tokens and USB keys", "Использовать токены и USB-ключи"),
                RESTART,
            ),
            one(
                "UPKey",
                "Pkcs11Module",
                Kind::Text,
                "",
                (
                    "PKCS#11 module of the tokens; empty: no tokens",
                    "Модуль PKCS#11 токенов; пусто — токенов нет",
                ),
                RESTART,
            ),
            one(
                "UPKey",
                "PinFile",
                Kind::Text,
                "",
                ("File with the carriers' PIN", "Файл с PIN-кодом носителей"),
                RESTART,
            ),
            one(
                "UPKey",
                "UsbIds",
                Kind::Text,
                "1209:0001",
                (
                    "Vendor and product of USB keys; empty: no USB keys",
                    "Производитель и изделие USB-ключей; пусто — USB-ключей нет",
                ),
                RESTART,
            ),
            one(
                "UPKey",
                "UsbMaker",
                Kind::Text,
                "",
                (
                    "Public key of the USB keys' maker; empty: any maker",
                    "Открытый ключ производителя USB-ключей; пусто — любой",
                ),
                RESTART,
            ),
        ],
    },
    Group {
        id: "tls",
        name: ("TLS", "TLS"),
        settings: &[
            one(
                "TLS",
                "Port",
                Kind::Text,
                "",
                (
                    "Further port with TLS; empty: none",
                    "Дополнительный порт с TLS; пусто — нет",
                ),
                RESTART,
            ),
            one(
                "TLS",
                "CertificateFile",
                Kind::Text,
                "",
                ("File of the certificate, PEM", "Файл сертификата, PEM"),
                RESTART,
            ),
            one(
                "TLS",
                "KeyFile",
                Kind::Text,
                "",
                ("File of its key, PEM", "Файл ключа, PEM"),
                RESTART,
            ),
        ],
    },
    Group {
        id: "codes",
        name: ("Access codes", "Коды доступа"),
        settings: &[one(
            "Console",
            "EnableAccessCodes",
            Kind::Switch,
            "0",
            (
                "Only components with a code get in",
                "Допускать только компоненты с кодом",
            ),
            NONE,
        )],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::conf;

    /// Every key of the file that packages ship is on the page, or has a page of its own; and the page knows the same defaults.
    #[test]
    fn the_page_has_all_settings_of_the_file() {
        let elsewhere = [
            ("Console", "UserName"),
            ("Console", "Password"),
            ("LicenceUpdate", "LastUpdate"),
        ];
        let mut section = "";
        let mut keys = BTreeSet::new();
        for line in conf::DEFAULT.lines() {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name;
            } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with(';')) {
                keys.insert((section, key));
            }
        }
        let settings = || GROUPS.iter().flat_map(|group| group.settings);
        let mut known: BTreeSet<_> = settings().map(|one| (one.section, one.key)).collect();
        for setting in settings() {
            let there = conf::get(conf::DEFAULT, setting.section, setting.key);
            assert_eq!(there, Some(setting.usual), "{}", setting.key);
        }
        known.extend(elsewhere);
        assert_eq!(known, keys);
    }
}
