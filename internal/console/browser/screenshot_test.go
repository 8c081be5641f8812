package browser

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// compress packs a PNG with a palette of its most frequent colours: a page has
// few, but for the edges of letters, which nobody tells apart.
func compress(data []byte) []byte {
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return data
	}
	bounds := decoded.Bounds()
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := decoded.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255} //nolint:gosec // 16 bits to 8
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := spread(colours)
	index := map[color.RGBA]uint8{}
	for c := range counts {
		index[c] = uint8(palette.Index(c)) //nolint:gosec // below 256
	}
	reduced := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			reduced.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced); err != nil || out.Len() > len(data) {
		return data
	}
	return out.Bytes()
}

// spread takes the first 256 colours that differ visibly from those before.
func spread(colours []color.RGBA) color.Palette {
	palette := make(color.Palette, 0, 256)
	for apart := 300; apart >= 0; apart -= 100 {
		for _, c := range colours {
			if len(palette) < cap(palette) && !slices.ContainsFunc(palette, func(p color.Color) bool { return distance(p.(color.RGBA), c) <= apart }) {
				palette = append(palette, c)
			}
		}
	}
	return palette
}

// distance is the square of the distance of two colours.
func distance(a, b color.RGBA) int {
	r, g, bl := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return r*r + g*g + bl*bl
}

// replaceText changes what the page shows, in texts and fields: what
// replacements names, request ids, and times, which all differ from run to run.
// Only durations stay as they were measured.
func (b *tab) replaceText(replacements map[string]string) {
	b.t.Helper()
	table, err := json.Marshal(replacements)
	if err != nil {
		b.t.Fatal(err)
	}
	evaluate[bool](b, fmt.Sprintf(`(() => {
		const table = %s;
		const put = s => Object.entries(table).reduce((s, [from, to]) => s.replaceAll(from, to), s)
			.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "5d1c8f6e-7a10-4b1e-8f0a-3c2b1a09d8e7")
			.replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC/g, "2026-11-22 09:41:00 UTC")
			.replace(/^\d{2}:\d{2}:\d{2}\.\d{3}$/, "09:41:00.000");
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) { const s = put(walk.currentNode.data); if (s !== walk.currentNode.data) walk.currentNode.data = s }
		for (const e of document.querySelectorAll("input, textarea")) { const s = put(e.value); if (s !== e.value) e.value = s }
		return true })()`, table))
}
