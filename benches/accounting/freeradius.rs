//! FreeRADIUS with accounting alone.

use crate::common::{FreeRadius, SECRET};

/// Starts it.
pub(crate) fn start() -> FreeRadius {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let server = FreeRadius::start(|folder, port| {
        let words = [
            ("FOLDER", folder.display().to_string()),
            ("PORT", port.to_string()),
            ("SECRET", SECRET.to_owned()),
            ("THREADS", threads.to_string()),
        ];
        FreeRadius::write(
            folder,
            "radiusd.conf",
            include_str!("freeradius.conf"),
            &words,
        );
    });
    server.unwrap_or_else(|why| panic!("{why}"))
}
