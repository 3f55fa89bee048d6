//! The eyes with their real models, on photographs.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;

use mtor_eyes::{Eyes, EyesOptions, Failure, Looking, Picture, Sight, describe};
use mtor_models::{CancellationToken, Catalogue, Silent, Store};

/// One pair for all tests of this process: nextest gives each test its own.
fn eyes() -> &'static Eyes {
    static EYES: OnceLock<Eyes> = OnceLock::new();
    EYES.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let model = |id: &str| {
            let (catalogue, store) = (Catalogue::builtin(), Store::open_default().unwrap());
            let never = CancellationToken::new();
            runtime.block_on(store.fetch(catalogue.model(id).unwrap(), &Silent, &never)).unwrap()
        };
        Eyes::open(&EyesOptions {
            objects: model("eyes-objects"),
            lines: model("eyes-text-lines"),
            letters: model("eyes-text-letters"),
            safety: model("eyes-safety"),
            threads: NonZeroUsize::MIN,
        })
        .unwrap()
    })
}

/// The photographs that scikit-image comes with.
fn photo(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("MTOR_TEST_PHOTOS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.mtor/tools/photos/skimage/data"))
    });
    let why = "`./mtor test workers` fetches the photographs, or set MTOR_TEST_PHOTOS to scikit-image's folder data";
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}; {why}"))
}

fn look(bytes: &[u8], looking: Looking) -> Sight {
    eyes().look(&Picture::open(bytes).unwrap(), looking, &|| false).unwrap()
}

#[test]
fn a_cup_of_coffee_is_seen_where_it_stands() {
    let sight = look(&photo("coffee.png"), Looking::ForKind);
    let cup = sight.things.as_ref().unwrap().iter().find(|thing| thing.label == "cup").unwrap();
    let middle = (cup.area.x + cup.area.width / 2.0, cup.area.y + cup.area.height / 2.0);
    assert!((200.0..400.0).contains(&middle.0) && (100.0..300.0).contains(&middle.1), "{cup:?}");
    assert!(sight.unfit.unwrap() < 0.2, "{:?}", sight.unfit);
    let words = describe::answer("What is in this picture?", &[sight]);
    assert!(words.contains("a cup"), "{words}");
}

#[test]
fn an_astronaut_is_a_person_and_a_motorcycle_is_one() {
    let labels = |name: &str| -> Vec<&str> {
        look(&photo(name), Looking::ForKind).things.unwrap().iter().map(|thing| thing.label).collect()
    };
    assert!(labels("astronaut.png").contains(&"person"));
    assert!(labels("motorcycle_left.png").contains(&"motorcycle"));
    assert!(!labels("brick.png").contains(&"person"));
}

#[test]
fn a_printed_page_is_read() {
    let sight = look(&photo("page.png"), Looking::ForText);
    assert!(sight.things.is_none());
    let text = describe::text(&sight).to_lowercase();
    for word in ["region-based", "segmentation", "markers", "background"] {
        assert!(text.contains(word), "{word} is not in {text:?}");
    }
}

#[test]
fn text_in_a_photo_that_was_taken_sideways_is_read_all_the_same() {
    let upright = image::load_from_memory(&photo("page.png")).unwrap();
    // As a camera does it that was held sideways: the pixels lie, and a note says so.
    let mut jpeg = std::io::Cursor::new(Vec::new());
    upright.rotate270().into_rgb8().write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let note = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let taken = [&jpeg[..2], note, &jpeg[2..]].concat();
    let sight = look(&taken, Looking::ForText);
    assert_eq!((sight.width, sight.height), (upright.width(), upright.height()));
    assert!(describe::text(&sight).to_lowercase().contains("segmentation"), "{}", describe::text(&sight));
}

#[test]
fn who_goes_away_is_not_looked_for() {
    let picture = Picture::open(&photo("coffee.png")).unwrap();
    assert_eq!(eyes().look(&picture, Looking::ForAll, &|| true).unwrap_err(), Failure::Cancelled);
}
