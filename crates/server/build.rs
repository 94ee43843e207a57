//! Makes sure that there are pages to embed, so that the binary builds without Node.

use std::path::Path;

const PLAIN: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Sidetalk</title>
<p>Sidetalk is running, but this binary was built without its pages. Run <code>make build</code> for the demo.
The API is described at <a href=\"docs\">/docs</a>.
</html>
";

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    if !dist.join("index.html").exists() {
        std::fs::create_dir_all(&dist).expect("web/dist can be made");
        std::fs::write(dist.join("index.html"), PLAIN).expect("web/dist can be written");
    }
}
