//! The far end of a terminal session, as Windows tells it.

use std::{
    ffi::c_void,
    net::{Ipv4Addr, Ipv6Addr},
    ptr, slice,
};

use windows_sys::Win32::System::RemoteDesktop::{
    WTS_CLIENT_ADDRESS, WTS_CURRENT_SERVER_HANDLE, WTS_CURRENT_SESSION, WTS_INFO_CLASS,
    WTSClientAddress, WTSClientName, WTSClientProtocolType, WTSFreeMemory,
    WTSQuerySessionInformationW,
};

/// The longest name of a client's computer that is looked at.
const MAX_NAME: usize = 256;
/// The physical console among the protocols of a session.
const CONSOLE: u16 = 0;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 23;

/// Name and address of the terminal client; none at the physical console. The address is empty if Windows does not tell it.
pub(crate) fn client() -> Option<(String, String)> {
    let protocol = query(WTSClientProtocolType)?;
    if protocol.number()? == CONSOLE {
        return None;
    }
    let name = query(WTSClientName)?.text();
    let address = query(WTSClientAddress)
        .and_then(|answer| answer.address())
        .unwrap_or_default();
    (!name.is_empty() || !address.is_empty()).then_some((name, address))
}

/// What Windows answered, in its own memory.
struct Answer {
    data: *mut u16,
    bytes: usize,
}

fn query(what: WTS_INFO_CLASS) -> Option<Answer> {
    let (mut data, mut bytes): (*mut u16, u32) = (ptr::null_mut(), 0);
    // SAFETY: both places are ours; the session is this process's own.
    let known = unsafe {
        WTSQuerySessionInformationW(
            WTS_CURRENT_SERVER_HANDLE,
            WTS_CURRENT_SESSION,
            what,
            &raw mut data,
            &raw mut bytes,
        )
    };
    (known != 0 && !data.is_null()).then(|| Answer {
        data,
        bytes: bytes as usize,
    })
}

impl Answer {
    fn bytes(&self) -> &[u8] {
        // SAFETY: Windows gave so many bytes at this place, which stay until they are freed.
        unsafe { slice::from_raw_parts(self.data.cast(), self.bytes) }
    }

    fn number(&self) -> Option<u16> {
        self.bytes()
            .first_chunk()
            .map(|bytes| u16::from_ne_bytes(*bytes))
    }

    fn text(&self) -> String {
        let units: Vec<u16> = self
            .bytes()
            .chunks_exact(2)
            .map(|unit| u16::from_ne_bytes([unit[0], unit[1]]))
            .take_while(|unit| *unit != 0)
            .take(MAX_NAME)
            .collect();
        String::from_utf16_lossy(&units)
    }

    /// The address stands two bytes after the start of its field.
    fn address(&self) -> Option<String> {
        if self.bytes < size_of::<WTS_CLIENT_ADDRESS>() {
            return None;
        }
        // SAFETY: there are enough bytes, and any bits are this structure.
        let address = unsafe { self.data.cast::<WTS_CLIENT_ADDRESS>().read_unaligned() };
        let field = address.Address.get(2..)?;
        match address.AddressFamily {
            AF_INET => field
                .first_chunk::<4>()
                .map(|bytes| Ipv4Addr::from(*bytes).to_string()),
            AF_INET6 => field
                .first_chunk::<16>()
                .map(|bytes| Ipv6Addr::from(*bytes).to_string()),
            _ => None,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: Windows gave it, and nothing reads it after this.
        unsafe { WTSFreeMemory(self.data.cast::<c_void>()) };
    }
}
