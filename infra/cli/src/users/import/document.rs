//! The elements of a JSON document, one at a time. They are in an array, in the member `users` of
//! an object, or they are objects that follow each other. The document may be larger than the
//! memory.

use std::{io, io::BufRead};

use shared::text::BYTE_ORDER_MARK;

/// The longest element in bytes.
const ELEMENT_BYTES_MAX: usize = 64 * 1024;
/// The members with the accounts: in the export of Firebase and in answers of many APIs, and in the
/// answer of Cognito.
pub const MEMBERS: [&str; 2] = ["users", "Users"];

/// The place in a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before, between or behind the values of the document.
    Top,
    /// In the array with the accounts. The array may be in an object.
    Array { is_member: bool },
    /// Behind the array of an object.
    Rest,
    /// At the end, which was told.
    Done,
}

/// A document that is read element by element.
pub struct Document<R> {
    input: R,
    line: u64,
    place: Place,
}

/// An element with the line that it begins in.
type Element = (u64, Result<Vec<u8>, String>);

impl<R: BufRead> Document<R> {
    /// Reads the document of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: 1, place: Place::Top }
    }

    /// The next element: its bytes, or a sentence if it is too long or cut off.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Element>> {
        loop {
            let Some(byte) = self.next_filled()? else { return Ok(self.end()) };
            match (self.place, byte) {
                (Place::Done, _) => return Ok(None),
                (_, b',') | (Place::Rest, b':') => {}
                (Place::Top, b'[') => self.place = Place::Array { is_member: false },
                (Place::Array { is_member: false }, b']') => self.place = Place::Top,
                (Place::Array { is_member: true }, b']') => self.place = Place::Rest,
                (Place::Rest, b'}') => self.place = Place::Top,
                (Place::Rest, first) => drop(self.value(first, false)?),
                (place, first) => {
                    let line = self.line;
                    if let Some(element) = self.value(first, place == Place::Top)? {
                        return Ok(Some((line, element)));
                    }
                }
            }
        }
    }

    fn end(&mut self) -> Option<Element> {
        let place = std::mem::replace(&mut self.place, Place::Done);
        let is_cut_off = matches!(place, Place::Array { .. } | Place::Rest);
        is_cut_off.then(|| (self.line, Err("The file is cut off: its list of accounts does not end.".to_owned())))
    }

    /// Reads the rest of a value. `None` if it is an object with the accounts, whose array is read
    /// next.
    fn value(&mut self, first: u8, may_have_users: bool) -> io::Result<Option<Result<Vec<u8>, String>>> {
        let (mut bytes, mut depth) = (vec![first], usize::from(matches!(first, b'{' | b'[')));
        // The last text and whether a colon came behind it, to tell a member by its name.
        let (mut text_start, mut in_text, mut is_escaped, mut is_named) = (0, first == b'"', false, false);
        let mut length = 1;
        while depth > 0 || in_text || !is_end_of_scalar(first, self.peek()?) {
            let Some(byte) = self.next_byte()? else {
                return Ok(Some(Err("The file is cut off: it ends inside this account.".to_owned())));
            };
            length += 1;
            if length <= ELEMENT_BYTES_MAX {
                bytes.push(byte);
            }
            if in_text {
                in_text = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => (in_text, text_start) = (true, bytes.len() - 1),
                b':' => is_named = depth == 1 && is_member(bytes.get(text_start..).unwrap_or_default()),
                b'[' if may_have_users && is_named => {
                    self.place = Place::Array { is_member: true };
                    return Ok(None);
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                byte if byte.is_ascii_whitespace() => {}
                _ => is_named = false,
            }
        }
        Ok(Some(if length <= ELEMENT_BYTES_MAX {
            Ok(bytes)
        } else {
            Err("The account is longer than 64 KiB.".to_owned())
        }))
    }

    /// The next byte that is neither white space nor part of a byte order mark.
    fn next_filled(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.next_byte()? {
                Some(byte) if byte.is_ascii_whitespace() || BYTE_ORDER_MARK.contains(&byte) => {}
                other => return Ok(other),
            }
        }
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.input.consume(1);
        }
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }
}

/// Whether a text in quotes is the name of the member with the accounts.
fn is_member(quoted: &[u8]) -> bool {
    let name = quoted.strip_prefix(b"\"").unwrap_or_default();
    MEMBERS.iter().any(|member| name.strip_prefix(member.as_bytes()).is_some_and(|rest| rest.starts_with(b"\"")))
}

/// Whether a value that is no object, array or text ends before this byte.
fn is_end_of_scalar(first: u8, next: Option<u8>) -> bool {
    let has_own_end = matches!(first, b'{' | b'[' | b'"');
    has_own_end || next.is_none_or(|byte| byte.is_ascii_whitespace() || b",]}".contains(&byte))
}
