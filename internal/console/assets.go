package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assetPrefix is where assets lie. Their addresses hold a digest of the
// content, so browsers may keep them for good.
const assetPrefix = Prefix + "assets/"

// assets are what pages load, by name.
type assets struct {
	byName map[string]*asset
	zip    *gzip.Writer // of all of them: each takes 0.8 MB; nil once all are there
}

type asset struct {
	hash, kind string
	content    []byte
	zipped     []byte
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// loadAssets reads what is embedded. It takes some milliseconds for the
// compression and is called at the first request.
func loadAssets() *assets {
	a := &assets{byName: map[string]*asset{}, zip: gzip.NewWriter(io.Discard)}
	_ = fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, err error) error {
		kind := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		a.add(strings.TrimPrefix(name, "assets/"), kind, content)
		return nil
	})
	// One file: htmx begins its work as soon as scripts have a pause, and an
	// extension in a file of its own, which may arrive after that, would be
	// too late for the elements of the page.
	a.add("htmx.js", kinds[".js"], slices.Concat(a.byName["vendor/htmx-4.0.1.min.js"].content, []byte("\n"), a.byName["vendor/hx-sse-4.0.1.min.js"].content))
	a.zip = nil
	return a
}

func (a *assets) add(name, kind string, content []byte) {
	sum := sha256.Sum256(content)
	var b bytes.Buffer
	a.zip.Reset(&b)
	_, _ = a.zip.Write(content) // into memory
	_ = a.zip.Close()
	a.byName[name] = &asset{hash: hex.EncodeToString(sum[:8]), kind: kind, content: content, zipped: b.Bytes()}
}

func (a *assets) url(name string) (string, error) {
	found := a.byName[name]
	if found == nil {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return assetPrefix + found.hash + "/" + name, nil
}

// serveAsset answers without a session: assets tell nothing.
func (c *Console) serveAsset(w http.ResponseWriter, r *http.Request) {
	found := c.assets().byName[r.PathValue("name")]
	if found == nil || found.hash != r.PathValue("hash") {
		http.Error(w, "stagedoor: there is no such asset in this version; load the page again", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", found.kind)
	h.Set("Vary", "Accept-Encoding")
	body := found.content
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = found.zipped
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser may go away
	}
}
