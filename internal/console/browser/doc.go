// Package browser tests the console with a real, headless Chromium: what a
// person sees and clicks, not what a handler returns. It has no code of its own,
// only tests, and nothing may import it.
//
// Each test gets a tab of the one browser of the test binary, with its own
// cookies and storage, and a stagedoor in this process. A tab fails its test on
// anything that a person's developer tools would show in red: errors and warnings of
// the console, uncaught exceptions, violations of the Content-Security-Policy,
// failed requests, and any request to another host. Accessibility is checked by
// axe-core, in light and dark, wide and narrow.
//
// Without a Chromium the tests are skipped by name; where the environment
// variable CI is set they fail instead. The pictures in docs/screenshots come
// from these tests:
//
//	go test ./internal/console/browser -run Screenshots -update-screenshots
package browser
