//! The samples for 1C: every module parses, and calls nothing that the component does not have.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use licenceaddin::interface::TABLE;
use tree_sitter::{Node, Parser};

/// The line and text of the first place that is not BSL.
fn first_error(source: &str) -> Option<String> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bsl::LANGUAGE.into())
        .expect("the grammar fits the parser");
    let tree = parser.parse(source, None).expect("no time limit is set");
    wrong_node(tree.root_node()).map(|node| {
        let text: String = source[node.byte_range()].chars().take(60).collect();
        format!("line {}: {text:?}", node.start_position().row + 1)
    })
}

/// The deepest first node that is an error or was made up by the parser.
fn wrong_node(node: Node<'_>) -> Option<Node<'_>> {
    if !node.has_error() {
        return None;
    }
    let mut cursor = node.walk();
    let inside = node.children(&mut cursor).find_map(wrong_node);
    inside.or_else(|| (node.is_error() || node.is_missing()).then_some(node))
}

/// All modules of the samples with their texts.
fn modules() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "bsl") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("1c-samples");
    collect(&samples, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
            (path, text)
        })
        .collect()
}

/// Names that a module reads or calls on a variable with a component, without the platform's asynchronous prefixes.
fn names_on_component(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    ["Компонента.", "КомпонентаЛицензирования."]
        .iter()
        .flat_map(|variable| code.split(variable).skip(1))
        .map(|rest| {
            let name: String = rest
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            ["НачатьВызов", "НачатьПолучение", "НачатьУстановку"]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix))
                .unwrap_or(&name)
                .to_owned()
        })
        .collect()
}

#[test]
fn every_module_of_the_samples_parses() {
    let modules = modules();
    assert!(modules.len() >= 6, "modules are missing: {modules:?}");
    for (path, source) in modules {
        assert_eq!(first_error(&source), None, "{}", path.display());
    }
}

#[test]
fn a_broken_module_is_found_and_its_line_told() {
    for (broken, line) in [
        (
            "Процедура А()\n\tЕсли Истина Тогда\n\t\tБ = 1;\nКонецПроцедуры\n",
            "line ",
        ),
        ("Процедура А()\n\tБ = (1 + ;\nКонецПроцедуры\n", "line 2"),
        ("Функция А()\n\tВозврат 1;\nКонецПроцедуры\n", "line "),
    ] {
        let error = first_error(broken).unwrap_or_else(|| panic!("not found: {broken}"));
        assert!(error.starts_with(line), "{error}");
    }
}

#[test]
fn each_module_broken_by_a_lost_line_is_found() {
    for (path, source) in modules() {
        let without = source.replacen("КонецПроцедуры", "", 1);
        let without = if without == source {
            source.replacen("КонецФункции", "", 1)
        } else {
            without
        };
        assert!(first_error(&without).is_some(), "{}", path.display());
    }
}

#[test]
fn the_samples_call_only_what_the_component_has() {
    let known: Vec<&str> = TABLE
        .properties
        .iter()
        .map(|property| property.name.ru)
        .chain(TABLE.methods.iter().map(|method| method.name.ru))
        .collect();
    let mut seen = 0;
    for (path, source) in modules() {
        for name in names_on_component(&source) {
            assert!(
                known.contains(&name.as_str()),
                "{}: the component has no {name}",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} uses of the component were found");
}
