//! What is looked at before settings are saved, beyond what the file's reader asks: that files open, that addresses are this
//! computer's, and that whoever saves them can still come back.

use std::net::{IpAddr, TcpListener};

use crate::{
    access,
    conf::{Conf, Lang},
    keys::centre::Link,
    net::Tls,
};

/// By which way the visitor came.
pub(super) struct Door {
    pub(super) peer: Option<IpAddr>,
    pub(super) host: Option<String>,
    pub(super) computer: String,
    /// Signed in, and at the server's own computer.
    pub(super) at_the_server: bool,
}

/// Looks at all of it.
pub(super) fn all(before: &Conf, conf: &Conf, door: &Door, lang: Lang) -> Result<(), String> {
    if let Some(address) = conf
        .server_addr
        .filter(|_| conf.server_addr != before.server_addr)
        && let Err(error) = TcpListener::bind((address, 0))
    {
        return Err(lang.pick(
            format!("ServerAddr: {address} cannot be listened on ({error}); write an address of this computer, or nothing."),
            format!("ServerAddr: адрес {address} не подходит ({error}); укажите адрес этого компьютера или оставьте пустым."),
        ));
    }
    if conf.series_file != before.series_file && !conf.series_file.is_file() {
        let file = conf.series_file.display();
        return Err(lang.pick(
            format!("SeriesFile: there is no file {file}."),
            format!("SeriesFile: нет файла {file}."),
        ));
    }
    if let Some(tls) = conf.tls.as_ref().filter(|_| conf.tls != before.tls)
        && let Err(error) = Tls::open(&tls.certificate, &tls.key)
    {
        return Err(format!("[TLS]: {error}"));
    }
    if conf.centre != before.centre
        && let Some(url) = &conf.centre.url
        && let Err(error) = Link::new(&conf.centre, url.clone())
    {
        return Err(error.text(lang));
    }
    let files = |conf: &Conf| {
        (
            conf.upkey.pkcs11_module.clone(),
            conf.upkey.pin_file.clone(),
        )
    };
    if files(conf) != files(before) && !door.at_the_server {
        return Err(lang.pick(
            "Pkcs11Module, PinFile: a module runs with all rights of the server, so they are changed on the server's own computer alone: sign in there, or write them into the file.",
            "Pkcs11Module, PinFile: модуль получает все права сервера, поэтому они меняются только на самом сервере: войдите там или впишите их в файл.",
        ).into());
    }
    if door.peer.is_some_and(|peer| !conf.access.admits(peer)) {
        return Err(lang.pick(
            "LocalAccessOnly, AllowedAddresses: you would lock yourself out. Add your own network, or change them on the server's own computer.",
            "LocalAccessOnly, AllowedAddresses: вы закроете доступ самому себе. Добавьте свою сеть или измените их на самом сервере.",
        ).into());
    }
    let known = |host: &str| access::knows(&conf.access, &door.computer, host);
    if door.host.as_deref().is_some_and(|host| !known(host)) {
        return Err(lang.pick(
            "CheckDNSRebinding, HostNames: the name by which you came here would be refused. Add it to HostNames.",
            "CheckDNSRebinding, HostNames: имя, по которому вы пришли, перестанет приниматься. Добавьте его в HostNames.",
        ).into());
    }
    Ok(())
}
