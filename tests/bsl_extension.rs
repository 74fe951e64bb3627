//! The sample extension as Designer reads it: XML that is whole, files that refer to files that exist, calls of
//! procedures that are there and may be called from that side. And the script that fills it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use roxmltree::{Document, Node};

const MARK: &str = "\u{feff}";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("1c-samples")
}

fn extension() -> PathBuf {
    samples().join("extension")
}

/// A text without the byte order mark, which Designer writes and expects.
fn read(path: &Path) -> String {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = text.strip_prefix(MARK);
    text.unwrap_or_else(|| panic!("{} has no byte order mark", path.display()))
        .to_owned()
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path
            .extension()
            .is_some_and(|extension| extension == suffix)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All elements of that name, whatever their namespace.
fn named<'a>(document: &'a Document<'a>, name: &str) -> Vec<Node<'a, 'a>> {
    document
        .descendants()
        .filter(|node| node.tag_name().name() == name)
        .collect()
}

fn text(document: &str, name: &str) -> String {
    let document = Document::parse(document).unwrap();
    let text = named(&document, name)[0].text().unwrap_or_default();
    text.to_owned()
}

/// The folder of a kind of objects.
fn folder(kind: &str) -> String {
    format!("{kind}s")
}

/// Kind and name of all objects that Configuration.xml lists.
fn listed() -> Vec<(String, String)> {
    let source = read(&extension().join("Configuration.xml"));
    let document = Document::parse(&source).unwrap();
    named(&document, "ChildObjects")[0]
        .children()
        .filter(Node::is_element)
        .map(|node| {
            (
                node.tag_name().name().to_owned(),
                node.text().unwrap().to_owned(),
            )
        })
        .collect()
}

fn names(kind: &str) -> BTreeSet<String> {
    listed()
        .into_iter()
        .filter(|(found, _)| found == kind)
        .map(|(_, name)| name)
        .collect()
}

fn module(name: &str) -> String {
    read(&extension().join(format!("CommonModules/{name}/Ext/Module.bsl")))
}

/// Code without comments.
fn code(source: &str) -> String {
    source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// Procedures and functions of a module, and whether they are exported.
fn methods(source: &str) -> BTreeMap<String, bool> {
    let code = code(source);
    ["\nПроцедура ", "\nФункция "]
        .iter()
        .flat_map(|word| code.split(word).skip(1))
        .map(|rest| {
            let head = rest.split(')').nth(1).unwrap_or_default();
            let exported = head.lines().next().unwrap_or_default().contains("Экспорт");
            (identifier(rest), exported)
        })
        .collect()
}

/// The string that follows each occurrence of `before`.
fn strings_after(source: &str, before: &str) -> Vec<String> {
    code(source)
        .split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect()
}

#[test]
fn every_object_is_listed_once_and_has_its_files() {
    let listed = listed();
    let unique: BTreeSet<_> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len());
    for (kind, name) in &listed {
        let path = extension().join(folder(kind)).join(format!("{name}.xml"));
        let source = read(&path);
        let document = Document::parse(&source).unwrap();
        let object = document
            .root_element()
            .children()
            .find(Node::is_element)
            .unwrap();
        assert_eq!(object.tag_name().name(), kind, "{}", path.display());
        assert_eq!(&text(&source, "Name"), name);
        let parts: &[&str] = match kind.as_str() {
            "CommonModule" => &["Ext/Module.bsl"],
            "CommonForm" => &["Ext/Form.xml", "Ext/Form/Module.bsl"],
            "CommonCommand" => &["Ext/CommandModule.bsl"],
            "Role" => &["Ext/Rights.xml"],
            // Their content comes from build.sh.
            "CommonTemplate" | "Language" => &[],
            other => panic!("a kind of objects that this test does not know: {other}"),
        };
        for part in parts {
            assert!(
                path.with_extension("").join(part).exists(),
                "{name} has no {part}"
            );
        }
    }
    // And nothing lies there that is not listed.
    let objects = files(&extension(), "xml")
        .into_iter()
        .filter(|path| path.parent().unwrap().parent() == Some(&*extension()))
        .count();
    assert_eq!(objects, listed.len());
}

#[test]
fn every_xml_file_is_whole_and_no_uuid_is_used_twice() {
    let mut seen = BTreeSet::new();
    let mut version = BTreeSet::new();
    for path in files(&extension(), "xml") {
        let source = read(&path);
        let document =
            Document::parse(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        version.insert(
            document
                .root_element()
                .attribute("version")
                .unwrap()
                .to_owned(),
        );
        let ids = document
            .descendants()
            .filter_map(|node| node.attribute("uuid"))
            .chain(named(&document, "ObjectId").iter().filter_map(Node::text))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        for id in ids {
            assert_eq!(id.len(), 36, "{}: {id}", path.display());
            assert!(seen.insert(id.clone()), "{}: {id} again", path.display());
        }
    }
    assert!(seen.len() > listed().len());
    assert_eq!(version.len(), 1, "one version of the format: {version:?}");
}

#[test]
fn own_objects_begin_with_the_extension_s_prefix() {
    let source = read(&extension().join("Configuration.xml"));
    let prefix = text(&source, "NamePrefix");
    for (kind, name) in listed() {
        assert!(kind == "Language" || name.starts_with(&prefix), "{name}");
    }
    let document = Document::parse(&source).unwrap();
    let roles = child_texts(&document, "DefaultRoles");
    for role in roles {
        assert!(names("Role").contains(role.strip_prefix("Role.").unwrap()));
    }
    let language = text(&source, "DefaultLanguage");
    assert!(names("Language").contains(language.strip_prefix("Language.").unwrap()));
}

fn child_texts(document: &Document<'_>, name: &str) -> Vec<String> {
    named(document, name)[0]
        .children()
        .filter(Node::is_element)
        .map(|node| node.text().unwrap().to_owned())
        .collect()
}

#[test]
fn the_roles_give_rights_to_what_exists() {
    for role in names("Role") {
        let source = read(&extension().join(format!("Roles/{role}/Ext/Rights.xml")));
        let document = Document::parse(&source).unwrap();
        let objects = named(&document, "object");
        assert!(!objects.is_empty());
        for object in objects {
            let name = object
                .children()
                .find(|node| node.tag_name().name() == "name")
                .and_then(|node| node.text())
                .unwrap();
            let (kind, name) = name.split_once('.').unwrap();
            assert!(names(kind).contains(name), "{kind}.{name}");
        }
    }
}

#[test]
fn the_form_s_elements_attributes_commands_and_handlers_belong_together() {
    for form in names("CommonForm") {
        let folder = extension().join(format!("CommonForms/{form}/Ext"));
        let source = read(&folder.join("Form.xml"));
        let document = Document::parse(&source).unwrap();
        let names_of = |tag: &str| -> BTreeSet<String> {
            named(&document, tag)
                .iter()
                .filter_map(|node| node.attribute("name"))
                .map(str::to_owned)
                .collect()
        };
        let (attributes, commands) = (names_of("Attribute"), names_of("Command"));
        for path in named(&document, "DataPath") {
            assert!(attributes.contains(path.text().unwrap()), "{path:?}");
        }
        for command in named(&document, "CommandName") {
            let name = command.text().unwrap().strip_prefix("Form.Command.");
            assert!(commands.contains(name.unwrap()), "{command:?}");
        }
        // Elements are numbered apart from attributes and commands.
        for tag in ["ChildItems", "Attributes", "Commands"] {
            let mut seen = BTreeSet::new();
            let group: Vec<_> = named(&document, tag);
            for node in group.iter().flat_map(Node::descendants) {
                if let (Some(id), Some(name)) = (node.attribute("id"), node.attribute("name")) {
                    seen.insert((id.to_owned(), name.to_owned()));
                }
            }
            let ids: BTreeSet<_> = seen.iter().map(|(id, _)| id).collect();
            assert_eq!(ids.len(), seen.len(), "{tag}: {seen:?}");
        }
        let module = read(&folder.join("Form/Module.bsl"));
        let methods = methods(&module);
        let handlers = named(&document, "Action")
            .into_iter()
            .chain(named(&document, "Event"));
        for handler in handlers {
            let name = handler.text().unwrap();
            assert!(methods.contains_key(name), "{name} is missing");
        }
        for list in strings_after(&module, "ЭтотОбъект, \"") {
            for name in list.split(',').map(str::trim) {
                assert!(attributes.contains(name), "{name} is no attribute");
            }
        }
    }
}

/// Which sides of 1C a common module runs on.
#[derive(Clone, Copy, Debug)]
struct Sides {
    client: bool,
    server: bool,
    server_call: bool,
}

fn sides(name: &str) -> Sides {
    let source = read(&extension().join(format!("CommonModules/{name}.xml")));
    Sides {
        client: text(&source, "ClientManagedApplication") == "true",
        server: text(&source, "Server") == "true",
        server_call: text(&source, "ServerCall") == "true",
    }
}

#[test]
fn calls_between_modules_reach_exported_methods_of_the_same_side() {
    let modules = names("CommonModule");
    let mut calls = 0;
    for path in files(&extension(), "bsl") {
        let source = read(&path);
        let code = code(&source);
        let own = path.parent().unwrap().parent().unwrap().file_name();
        let own = own.and_then(|name| name.to_str()).unwrap_or_default();
        for called in &modules {
            for rest in code.split(&format!("{called}.")).skip(1) {
                let name = identifier(rest);
                let there = methods(&module(called));
                assert_eq!(
                    there.get(&name),
                    Some(&true),
                    "{}: {called}.{name}",
                    path.display()
                );
                calls += 1;
                if !modules.contains(own) {
                    continue;
                }
                let (from, to) = (sides(own), sides(called));
                assert!(
                    !from.client || to.client || to.server_call,
                    "{own} runs on the client and calls {called}"
                );
                assert!(
                    !from.server || to.server,
                    "{own} runs on the server and calls {called}"
                );
            }
        }
    }
    assert!(calls > 20, "only {calls} calls were found");
}

#[test]
fn templates_forms_and_handlers_that_are_named_in_texts_exist() {
    let mut seen = 0;
    for path in files(&extension(), "bsl") {
        let source = read(&path);
        let known = methods(&source);
        for (before, kind) in [
            ("\"ОбщийМакет.", "CommonTemplate"),
            ("ПолучитьОбщийМакет(\"", "CommonTemplate"),
            ("\"ОбщаяФорма.", "CommonForm"),
        ] {
            for name in strings_after(&source, before) {
                assert!(
                    names(kind).contains(&name),
                    "{}: there is no {kind} {name}",
                    path.display()
                );
                seen += 1;
            }
        }
        // A notification calls an exported method of its module.
        for call in code(&source).split("Новый ОписаниеОповещения(").skip(1)
        {
            let arguments = call.split(')').next().unwrap_or_default();
            for name in arguments.split('"').skip(1).step_by(2) {
                assert_eq!(known.get(name), Some(&true), "{}: {name}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "only {seen} names were found");
}

#[test]
fn handlers_of_the_application_s_module_are_attached_to_events_of_the_platform() {
    let source = read(&extension().join("Ext/ManagedApplicationModule.bsl"));
    for event in [
        "ПриНачалеРаботыСистемы",
        "ПриЗавершенииРаботыСистемы",
        "ОбработкаВнешнегоСобытия",
    ] {
        assert!(source.contains(&format!("&После(\"{event}\")")), "{event}");
    }
    let waiting = strings_after(
        &module("ЛицензированиеКлиент"),
        "ПодключитьОбработчикОжидания(\"",
    );
    let methods = methods(&source);
    assert!(!waiting.is_empty());
    for name in waiting {
        assert_eq!(methods.get(&name), Some(&true), "{name}");
    }
}

fn build(arguments: &[&str]) -> Output {
    Command::new(samples().join("build.sh"))
        .args(arguments)
        .env("LICENCEEDIT", licence::programs::program("licenceedit"))
        .output()
        .unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_vendor_s_script_fills_the_extension() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = Command::new(licence::programs::program("licenceedit"))
        .args(["series", "new", "672B", "--name", "Проба", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    fs::write(at("component.zip"), b"PK\x03\x04 the component").unwrap();
    fs::write(at("Расчет.epf"), b"a processor").unwrap();
    fs::write(at("Отчет.epf"), b"another processor").unwrap();
    let (key, zip, out) = (at("672B.cryptkey"), at("component.zip"), at("made/out"));
    let (first, second) = (at("Расчет.epf"), at("Отчет.epf"));
    let arguments = [
        "--series",
        "672b",
        "--cryptkey",
        path(&key),
        "--component",
        path(&zip),
        "--out",
        path(&out),
        path(&first),
        path(&second),
    ];
    let built = build(&arguments);
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");

    let templates = out.join("extension/CommonTemplates");
    assert_eq!(
        fs::read(templates.join("ЛицензированиеКомпонента/Ext/Template.bin")).unwrap(),
        fs::read(&zip).unwrap()
    );
    let datafile = fs::read(out.join("objects.datafile")).unwrap();
    assert_eq!(
        fs::read(templates.join("ЛицензированиеОбъекты/Ext/Template.bin")).unwrap(),
        datafile
    );
    let inspected = Command::new(licence::programs::program("licenceedit"))
        .arg("inspect")
        .arg(out.join("objects.datafile"))
        .output()
        .unwrap();
    let inspected = String::from_utf8_lossy(&inspected.stdout).into_owned();
    assert!(inspected.contains("Расчет") && inspected.contains("Отчет"));
    // Only the series and the templates differ from the sample.
    for source in files(&extension(), "bsl")
        .into_iter()
        .chain(files(&extension(), "xml"))
    {
        let copy = out
            .join("extension")
            .join(source.strip_prefix(extension()).unwrap());
        let expected = fs::read_to_string(&source)
            .unwrap()
            .replace("Возврат \"AB12\";", "Возврат \"672B\";");
        assert_eq!(fs::read_to_string(&copy).unwrap(), expected);
    }
    assert!(module("ЛицензированиеСервер").contains("Возврат \"AB12\";"));

    // What is there is never overwritten, and nothing half-made is left.
    assert!(!build(&arguments).status.success());
    assert_eq!(fs::read_dir(at("made")).unwrap().count(), 1);
}

#[test]
fn the_vendor_s_script_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no archive").unwrap();
    let (file, out) = (path(&file), folder.path().join("out"));
    let all = |series: &'static str, component: &str| -> Vec<String> {
        [
            "--series",
            series,
            "--cryptkey",
            file,
            "--component",
            component,
            "--out",
            path(&out),
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let table = [
        (vec![], "--series is missing"),
        (vec!["--series".to_owned()], "needs a value"),
        (all("67", file), "four hex digits"),
        (all("672B", "/nonexistent"), "there is no file"),
        (all("672B", file), "is no ZIP"),
        (vec!["--what".to_owned()], "unknown option"),
    ];
    for (arguments, expected) in table {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let built = build(&arguments);
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(!built.status.success() && said.contains(expected), "{said}");
        assert!(!out.exists());
    }
}
