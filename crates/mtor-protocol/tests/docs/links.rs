//! Links between the pages of the book and of the project lead somewhere, and every page is in the table of contents.

use std::path::{Path, PathBuf};

#[test]
fn links_and_contents() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = Vec::new();
    markdown_files(&book, &mut pages);
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)),
    );
    let summary = std::fs::read_to_string(book.join("SUMMARY.md")).unwrap();
    let mut broken = Vec::new();
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for target in link_targets(&text) {
            let folder = page.parent().expect("a page lies in a folder");
            if !folder.join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
        if let Ok(name) = page.strip_prefix(&book) {
            let name = name.to_string_lossy().replace('\\', "/");
            if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
                broken.push(format!("{name} is not in SUMMARY.md"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Where the links of a page lead, those to other sites and to places in the page itself left out. Code is no link.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let targets =
        prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split([')', '#', ' ']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}
