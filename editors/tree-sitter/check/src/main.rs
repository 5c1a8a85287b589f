//! Makes the parser of a tree-sitter grammar, and reads texts with it.
//!
//!     grammar-check generate FOLDER OUT     OUT gets parser.c and its headers; node runs FOLDER/grammar.js
//!     grammar-check parse LIBRARY           texts and queries from standard input, answers to standard output
//!
//! `parse` takes `{"queries": {NAME: TEXT}, "texts": [TEXT]}`, all queries being valid, and gives a list with, for each text,
//! `{"errors": [[LINE, COLUMN, KIND]], "captures": {NAME: [[CAPTURE, TEXT, LINE, COLUMN]]}}`, lines and
//! columns from 1, columns in bytes.
use serde_json::{json, Map, Value};
use std::{error::Error, io::Read, path::Path};
use streaming_iterator::StreamingIterator;
use tree_sitter::{ffi, Language, Node, Parser, Query, QueryCursor};

fn generate(folder: &str, out: &str) -> Result<(), Box<dyn Error>> {
    tree_sitter_generate::generate_parser_in_directory(Path::new(folder), Some(out), None, tree_sitter::LANGUAGE_VERSION, None, None)?;
    Ok(())
}

fn find_errors(root: Node, errors: &mut Vec<Value>) {
    if !root.has_error() {
        return;
    }
    if root.is_error() || root.is_missing() {
        let at = root.start_position();
        let kind = if root.is_missing() { format!("missing {}", root.kind()) } else { "error".into() };
        errors.push(json!([at.row + 1, at.column + 1, kind]));
    }
    let mut cursor = root.walk();
    for child in root.children(&mut cursor) {
        find_errors(child, errors);
    }
}

fn captures(query: &Query, root: Node, text: &str) -> Value {
    let mut cursor = QueryCursor::new();
    let mut found = Vec::new();
    let mut all = cursor.captures(query, root, text.as_bytes());
    while let Some((matched, index)) = all.next() {
        let capture = matched.captures[*index];
        let piece = &text[capture.node.byte_range()];
        let at = capture.node.start_position();
        found.push(json!([query.capture_names()[capture.index as usize], piece, at.row + 1, at.column + 1]));
    }
    Value::Array(found)
}

fn parse(library: &str) -> Result<(), Box<dyn Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let input: Value = serde_json::from_str(&input)?;
    // The library stays open to the end, as the language lives in it.
    let library = Box::leak(Box::new(unsafe { libloading::Library::new(library)? }));
    let language = unsafe {
        let make: libloading::Symbol<unsafe extern "C" fn() -> *const ffi::TSLanguage> = library.get(b"tree_sitter_tocsin")?;
        Language::from_raw(make())
    };
    let mut queries = Vec::new();
    for (name, text) in input["queries"].as_object().ok_or("no queries")? {
        let query = Query::new(&language, text.as_str().ok_or("a query is text")?).map_err(|error| format!("{name}: {error}"))?;
        queries.push((name, query));
    }
    let mut parser = Parser::new();
    parser.set_language(&language)?;
    let mut answers = Vec::new();
    for text in input["texts"].as_array().ok_or("no texts")? {
        let text = text.as_str().ok_or("a text is text")?;
        let tree = parser.parse(text, None).ok_or("not parsed")?;
        let mut errors = Vec::new();
        find_errors(tree.root_node(), &mut errors);
        let mut found = Map::new();
        for (name, query) in &queries {
            found.insert((*name).clone(), captures(query, tree.root_node(), text));
        }
        answers.push(json!({"errors": errors, "captures": found}));
    }
    println!("{}", Value::Array(answers));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate", folder, out] => generate(folder, out),
        ["parse", library] => parse(library),
        _ => Err("usage: grammar-check generate FOLDER OUT | parse LIBRARY".into()),
    }
}
