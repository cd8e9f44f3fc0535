//! Report as one self-contained page: figures, curves, and the JSON.

use std::fmt::Write as _;

use super::{Report, charts};
use crate::error::LoadError;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><style>\
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
pre{background:#f4f4f4;padding:1rem;overflow:auto}svg{max-width:100%;height:auto}</style>";

impl Report {
    /// One self-contained page.
    ///
    /// # Errors
    /// [`LoadError`]: bugs of ours.
    pub fn to_html(&self) -> Result<String, LoadError> {
        let drawing = |error: &dyn std::fmt::Display| LoadError::Drawing(error.to_string());
        let title = escaped(&self.title);
        let mut page = format!("{HEAD}<title>{title}</title><h1>{title}</h1>");
        let _ = write!(page, "<pre>{}</pre>", escaped(&self.to_string()));
        for phase in &self.phases {
            let _ = write!(page, "<h2>{}</h2>", escaped(phase.phase));
            page += &charts::latencies(phase).map_err(|error| drawing(&error))?;
            page += &charts::rates(phase).map_err(|error| drawing(&error))?;
        }
        // In a script element only "</" could end it early.
        let json = serde_json::to_string(self)?.replace("</", "<\\/");
        let _ = write!(page, "<script type=\"application/json\">{json}</script>");
        Ok(page)
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
