package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var updateScreenshots = flag.Bool("update-screenshots", false, "write docs/screenshots/*.png")

// patience bounds each wait for a condition. It is generous: a slow machine
// must not fail a test, and a test that passes never waits that long.
const patience = 45 * time.Second

// chromium is the browser of this test binary, started by the first test that
// needs it and closed by TestMain.
var chromium struct {
	sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := closeBrowser(); err != nil {
		fmt.Fprintln(os.Stderr, "closing the browser:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// findChromium returns the path of a Chromium by the names under which systems
// install it, "" where there is none.
func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// browser returns the context of the running browser, skips the test where no
// Chromium is installed, and fails it in CI.
func browser(t testing.TB) context.Context {
	t.Helper()
	path := findChromium()
	switch {
	case path == "" && os.Getenv("CI") != "":
		t.Fatal("chromium is missing, and in CI this test must run: apt-get install chromium")
	case path == "":
		t.Skip("chromium is not installed (apt-get install chromium)")
	}
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx == nil {
		ctx, cancel, err := startBrowser(path)
		if err != nil {
			t.Fatalf("%s does not start: %v", path, err)
		}
		chromium.ctx, chromium.cancel = ctx, cancel
	}
	return chromium.ctx
}

// startBrowser starts Chromium with a profile in a temporary directory, which
// goes with it.
func startBrowser(path string) (context.Context, context.CancelFunc, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.DisableGPU,
		chromedp.WindowSize(wide.width, wide.height),
		// Without these, Chromium itself looks up names and asks servers of
		// its maker, on the machine of whoever runs the tests.
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		// Pictures must look alike everywhere.
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-US"),
	)
	if os.Getuid() == 0 {
		// Chromium's own sandbox refuses root, as in most CI containers. What
		// runs here is our own pages.
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancelContext := chromedp.NewContext(allocator)
	cancel := func() { cancelContext(); cancelAllocator() }
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, nil, err
	}
	return ctx, cancel, nil
}

func closeBrowser() error {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(chromium.ctx, patience)
	defer cancel()
	err := chromedp.Cancel(ctx)
	chromium.cancel()
	chromium.ctx = nil
	return err
}
