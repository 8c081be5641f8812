package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
)

const (
	screenshots   = "../../../docs/screenshots"
	maxScreenshot = 150 << 10
)

// screenshot writes docs/screenshots/NAME.png where the flag asks for it. Ids
// that differ from run to run are shown as replacements says, so that a picture
// changes only when the page does.
func (b *tab) screenshot(name string, replacements map[string]string) {
	b.t.Helper()
	if !*updateScreenshots {
		return
	}
	b.replaceText(replacements)
	data := compress(b.picture())
	if len(data) > maxScreenshot {
		b.t.Errorf("%s.png has %d bytes, more than %d", name, len(data), maxScreenshot)
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(screenshots, name+".png")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("%s: %d KB", path, len(data)>>10)
}

// compress packs a PNG as small as Go can, or returns it as it was.
func compress(data []byte) []byte {
	image, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return data
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, image); err != nil || out.Len() > len(data) {
		return data
	}
	return out.Bytes()
}

// replaceText changes what the page shows, in texts and fields.
func (b *tab) replaceText(replacements map[string]string) {
	b.t.Helper()
	table, err := json.Marshal(replacements)
	if err != nil {
		b.t.Fatal(err)
	}
	evaluate[bool](b, fmt.Sprintf(`(() => {
		const table = %s;
		const put = s => Object.entries(table).reduce((s, [from, to]) => s.replaceAll(from, to), s);
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) { const s = put(walk.currentNode.data); if (s !== walk.currentNode.data) walk.currentNode.data = s }
		for (const e of document.querySelectorAll("input, textarea")) { const s = put(e.value); if (s !== e.value) e.value = s }
		for (const e of document.querySelectorAll("time")) { e.textContent = e.dataset.picture || e.textContent }
		return true })()`, table))
}
