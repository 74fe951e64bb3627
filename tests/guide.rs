//! The reference of the developer's guide is written from the component's own table.
//!
//! When they differ, `LICENCE_UPDATE=1 cargo test --test guide` writes it again.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{env, fmt::Write, fs, path::Path};

use licenceaddin::{
    interface::{CLASS_NAME, TABLE},
    table::{DefaultValue, Kind, Method, Property},
    texts::reason,
};
use protocol::Reason;

const GUIDE: &str = "docs/developer-guide.ru.md";
const BEGIN: &str = "<!-- Отсюда до конца страница составлена по таблице компоненты: LICENCE_UPDATE=1 cargo test --test guide -->\n";

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "Булево",
        Kind::Integer => "Число (целое)",
        Kind::Number => "Число",
        Kind::Text => "Строка",
        Kind::Date => "Дата",
        Kind::Binary => "ДвоичныеДанные",
        Kind::TextOrBinary => "Строка, ДвоичныеДанные",
        Kind::TextOrInteger => "Строка, Число (целое)",
        Kind::Any => "Строка, Число, Булево, Дата",
    }
}

fn default_text(default: DefaultValue) -> String {
    match default {
        DefaultValue::Bool(true) => "Истина".into(),
        DefaultValue::Bool(false) => "Ложь".into(),
        DefaultValue::Int(number) => number.to_string(),
        DefaultValue::Text("") => "пустая строка".into(),
        DefaultValue::Text(text) => format!("`{text}`"),
        DefaultValue::EmptyDate => "пустая дата".into(),
        DefaultValue::Undefined => "Неопределено".into(),
    }
}

fn property(text: &mut String, property: &Property) {
    let access = match (property.get.is_some(), property.set.is_some()) {
        (true, true) => "чтение и запись",
        (true, false) => "чтение",
        _ => "запись",
    };
    writeln!(text, "### {} ({})\n", property.name.ru, property.name.en).unwrap();
    write!(text, "Тип: {}; {access}", type_name(property.kind)).unwrap();
    match property.default {
        Some(default) => writeln!(text, "; по умолчанию: {}.\n", default_text(default)).unwrap(),
        None => writeln!(text, ".\n").unwrap(),
    }
    writeln!(text, "{}\n", property.doc.ru).unwrap();
}

fn method(text: &mut String, method: &Method) {
    writeln!(text, "### {} ({})\n", method.name.ru, method.name.en).unwrap();
    let params: Vec<_> = method
        .params
        .iter()
        .map(|param| match param.default {
            None => format!("<{}>", param.name.ru),
            Some(_) => format!("[{}]", param.name.ru),
        })
        .collect();
    writeln!(text, "`{}({})`\n", method.name.ru, params.join(", ")).unwrap();
    writeln!(text, "{}\n", method.doc.ru).unwrap();
    if !method.params.is_empty() {
        writeln!(
            text,
            "| параметр | тип | по умолчанию | что это |\n|---|---|---|---|"
        )
        .unwrap();
        for param in method.params {
            let default = param
                .default
                .map_or_else(|| "обязательный".into(), default_text);
            writeln!(
                text,
                "| {} ({}) | {} | {default} | {} |",
                param.name.ru,
                param.name.en,
                type_name(param.kind),
                param.doc.ru
            )
            .unwrap();
        }
        text.push('\n');
    }
    match method.returns {
        None => writeln!(text, "Ничего не возвращает.\n").unwrap(),
        Some(Kind::Boolean) => {
            writeln!(text, "Возвращает: Булево; Ложь и при ошибке.\n").unwrap();
        }
        Some(kind) => writeln!(
            text,
            "Возвращает: {}; Неопределено при ошибке.\n",
            type_name(kind)
        )
        .unwrap(),
    }
}

fn reference() -> String {
    let mut text = String::from(BEGIN);
    writeln!(
        text,
        "\n# Справочник\n\nКласс: `{CLASS_NAME}`, объект создаётся как `Новый(\"AddIn.<имя при подключении>.{CLASS_NAME}\")`. \
         Имена – русские и английские, регистр букв не важен. Необязательные параметры – в квадратных скобках.\n"
    )
    .unwrap();
    writeln!(text, "## Свойства\n").unwrap();
    for row in TABLE.properties {
        property(&mut text, row);
    }
    writeln!(text, "## Методы\n").unwrap();
    for row in TABLE.methods {
        method(&mut text, row);
    }
    writeln!(
        text,
        "## События\n\nПриходят только в клиентские приложения, в обработчик `ОбработкаВнешнегоСобытия(Источник, Событие, Данные)`: \
         источник – `{CLASS_NAME}`, данные – объект JSON. Одна причина – одно событие на процесс, сколько бы объектов \
         компоненты в нём ни было. На сервере и во внешнем соединении событий нет: там проверяют Подключено, ЛицензияПолучена и ОтсрочкаДо.\n"
    )
    .unwrap();
    for event in TABLE.events {
        writeln!(text, "### {}\n\n{}\n", event.name, event.doc.ru).unwrap();
        writeln!(text, "| поле данных | что это |\n|---|---|").unwrap();
        for field in event.data {
            writeln!(text, "| {} | {} |", field.name, field.doc.ru).unwrap();
        }
        text.push('\n');
    }
    writeln!(
        text,
        "## Коды ошибок\n\n1xx – настройки и вызовы, 2xx – связь с сервером, 3xx – ключи и места, 4xx – файлы данных, 9xx – внутренние. \
         Числа не меняются от версии к версии; текст ОписаниеОшибки может содержать подробности.\n\n\
         | код | имя | что случилось и что делать |\n|---|---|---|"
    )
    .unwrap();
    for error in Reason::ALL {
        writeln!(
            text,
            "| {} | {} | {} |",
            *error as u16,
            error.name(),
            reason(*error).ru
        )
        .unwrap();
    }
    text
}

#[test]
fn the_reference_of_the_guide_is_the_component_s_own_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
    let guide = fs::read_to_string(&path).unwrap();
    let (written, old) = guide
        .split_once(BEGIN)
        .map(|(written, old)| (written, format!("{BEGIN}{old}")))
        .unwrap_or((&guide, String::new()));
    let new = reference();
    if old == new {
        return;
    }
    if env::var_os("LICENCE_UPDATE").is_some() {
        fs::write(&path, format!("{written}{new}")).unwrap();
        return;
    }
    let line = old
        .lines()
        .zip(new.lines())
        .position(|(old, new)| old != new)
        .unwrap_or_else(|| old.lines().count().min(new.lines().count()));
    panic!(
        "{GUIDE} differs from the table, first at line {} of the reference: {:?}; run LICENCE_UPDATE=1 cargo test --test guide",
        line + 1,
        new.lines().nth(line)
    );
}

#[test]
fn everything_that_the_table_names_is_explained_in_russian() {
    let russian = |text: &str| text.chars().any(|letter| ('а'..='я').contains(&letter));
    for property in TABLE.properties {
        assert!(russian(property.doc.ru) && !russian(property.doc.en));
    }
    for method in TABLE.methods {
        assert!(russian(method.doc.ru), "{}", method.name.en);
        for param in method.params {
            assert!(russian(param.doc.ru) && !russian(param.doc.en));
        }
    }
    for event in TABLE.events {
        assert!(russian(event.doc.ru) && !russian(event.doc.en));
    }
}
