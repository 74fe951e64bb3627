//! The menu: addresses, with what they are called in English and Russian.

/// The pages in their order.
pub(super) const ENTRIES: [(&str, &str, &str); 11] = [
    ("/", "Products", "Продукты"),
    ("/sessions", "Sessions", "Сеансы"),
    ("/licences", "Keys", "Ключи"),
    ("/licences/install", "Install a key", "Установить ключ"),
    ("/licences/reserve", "Move a key", "Перенести ключ"),
    ("/history", "History", "История"),
    ("/journal", "Journal", "Журнал событий"),
    ("/logs", "Server log", "Журнал работы"),
    ("/settings", "Settings", "Параметры"),
    ("/help", "Help", "Справка"),
    ("/systeminfo", "About the server", "О сервере"),
];
