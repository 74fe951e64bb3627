//! A simulated 1C client process: `process1c LIBRARY DATAFILE PORT SESSION`.
//!
//! It loads the component through the C++ host, takes a seat for the session and says `granted` or `denied
//! CODE TEXT`. Then it obeys lines of its input: `object NAME FILE`, `release`, `obtain`; the end of the input
//! ends it as 1C ends, by Done.

use std::{
    env,
    io::{self, BufRead},
    path::Path,
};

use licence::host::{Library, Object, Value};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [library, datafile, port, session] = arguments.as_slice() else {
        return Err(io::Error::other(
            "usage: process1c LIBRARY DATAFILE PORT SESSION",
        ));
    };
    let number = |text: &str| text.parse::<i32>().map_err(io::Error::other);
    let library = Library::load(Path::new(library));
    let object = library.object();
    let set = |name: &str, value: Value| {
        object
            .set(name, value)
            .map_err(|_| io::Error::other(format!("{name} cannot be set")))
    };
    set("ServerAddr", Value::Text("127.0.0.1".into()))?;
    set("ServerPort", Value::Int(number(port)?))?;
    set("KeyID", Value::Text("672B".into()))?;
    say(
        &object,
        "loaded",
        &object.call("LoadDataFile", &[Value::Text(datafile.clone())]),
    );
    let facts = [
        Value::Text("Srvr=\"app\";Ref=\"demo\";".into()),
        Value::Int(number(session)?),
        Value::Date([2026, 1, 2, 3, 4, 5]),
        Value::Text(format!("Пользователь {session}")),
        Value::Text("PC".into()),
        Value::Text("1CV8C".into()),
    ];
    say(&object, "session", &object.call("SetSession", &facts));
    say(&object, "connected", &object.call("Connect", &[]));
    say(&object, "granted", &object.call("ObtainLicence", &[]));
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("object"), Some(name), Some(file)) => {
                let arguments = [Value::Text(name.into()), Value::Text(file.into())];
                say(
                    &object,
                    "written",
                    &object.call("GetObjectToFile", &arguments),
                );
            }
            (Some("release"), None, None) => {
                say(&object, "released", &object.call("ReleaseLicence", &[]))
            }
            (Some("obtain"), None, None) => {
                say(&object, "granted", &object.call("ObtainLicence", &[]))
            }
            _ => return Err(io::Error::other(format!("unknown command {line}"))),
        }
    }
    object.finish(licence::host::End::DestroyObject);
    Ok(())
}

fn say(object: &Object<'_>, word: &str, result: &Result<Value, licence::host::Raised>) {
    match result {
        Ok(Value::Bool(true)) => println!("{word}"),
        _ => println!(
            "denied {} {}",
            object.error_code(),
            object.get_text("ErrorDescription").replace('\n', "; ")
        ),
    }
}
