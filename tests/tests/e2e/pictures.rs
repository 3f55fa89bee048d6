//! Pictures, with the real eyes: shown at the page and from the command line, and refused where they must be.

use std::path::PathBuf;

use mtor_e2e::{Realm, RealmOptions, scenario};

fn photo(name: &str) -> PathBuf {
    let folder = std::env::var_os("MTOR_TEST_PHOTOS").expect("MTOR_TEST_PHOTOS: `./mtor test e2e` sets it");
    PathBuf::from(folder).join(name)
}

async fn with_eyes() -> Realm {
    let up = ["--workers", "eyes"].map(str::to_owned).to_vec();
    Realm::with(RealmOptions { up, ..RealmOptions::default() }).await
}

#[tokio::test]
async fn a_picture_is_shown_at_the_page_and_the_answer_names_what_is_in_it() {
    let realm = with_eyes().await;
    scenario::play("pictures.mjs", &realm.url(), async |words| panic!("nobody knows how to {words}")).await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

#[tokio::test]
async fn a_picture_is_asked_about_from_the_command_line() {
    let realm = with_eyes().await;
    let cup = photo("coffee.png");
    let asked = realm
        .run_aside(&["ask", "--picture", cup.to_str().expect("a path"), "What is in this picture?"])
        .await;
    let words = String::from_utf8_lossy(&asked.stdout);
    assert!(asked.status.success() && words.contains("a cup"), "{asked:?}");

    let heic = realm.scratch("photo.heic");
    std::fs::write(&heic, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").expect("a file");
    let asked = realm.run_aside(&["ask", "--picture", heic.to_str().expect("a path"), "What is it?"]).await;
    let words = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && words.contains("HEIC") && words.contains("JPEG"), "{asked:?}");

    // A header that claims a billion pixels.
    let bomb = realm.scratch("bomb.png");
    let mut bytes = std::fs::read(&cup).expect("a photo");
    bytes[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x9c, 0x40]);
    let crc = !bytes[12..29].iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    std::fs::write(&bomb, bytes).expect("a file");
    let asked = realm.run_aside(&["ask", "--picture", bomb.to_str().expect("a path"), "What is it?"]).await;
    let words = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && words.contains("30000 x 40000 pixels"), "{asked:?}");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
