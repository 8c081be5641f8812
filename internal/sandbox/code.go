package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/stagedoor/stagedoor/internal/codezip"
	"github.com/stagedoor/stagedoor/internal/sandbox/loaders"
)

// codeCache keeps extracted code by its digest. A directory appears under its
// final name only when it is complete, so a crash leaves nothing half-made, and
// several processes may share the cache.
type codeCache struct {
	dir  string
	load func(ctx context.Context, digest string) ([]byte, error)

	mu       sync.Mutex
	ready    map[string]string        // digest → directory
	underway map[string]chan struct{} // digest → closed when its extraction ended
}

// get returns the directory with the code of digest, extracting it once.
func (c *codeCache) get(ctx context.Context, digest string) (string, error) {
	for {
		c.mu.Lock()
		if dir, ok := c.ready[digest]; ok {
			c.mu.Unlock()
			return dir, nil
		}
		wait, ok := c.underway[digest]
		if !ok {
			if c.underway == nil {
				c.underway, c.ready = map[string]chan struct{}{}, map[string]string{}
			}
			wait = make(chan struct{})
			c.underway[digest] = wait
			c.mu.Unlock()
			dir, err := c.extract(ctx, digest)
			c.mu.Lock()
			if err == nil {
				c.ready[digest] = dir
			}
			delete(c.underway, digest)
			c.mu.Unlock()
			close(wait)
			return dir, err
		}
		c.mu.Unlock()
		select {
		case <-wait: // on failure the next one tries again
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (c *codeCache) extract(ctx context.Context, digest string) (string, error) {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("%q is no SHA-256 digest", digest)
	}
	final := filepath.Join(c.dir, digest)
	if st, err := os.Stat(final); err == nil && st.IsDir() {
		return final, nil
	}
	data, err := c.load(ctx, digest)
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return "", fmt.Errorf("the stored zip does not have its digest %s: the store is damaged", digest)
	}
	temp, err := os.MkdirTemp(c.dir, "part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp) // nothing is there any more after the rename
	if err := os.Chmod(temp, 0o755); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(temp)
	if err != nil {
		return "", err
	}
	_, err = codezip.Extract(data, root)
	if err = errors.Join(err, root.Close()); err != nil {
		return "", err
	}
	if err := os.Rename(temp, final); err != nil {
		if st, statErr := os.Stat(final); statErr == nil && st.IsDir() {
			return final, nil // another process was faster
		}
		return "", err
	}
	return final, nil
}

// Names of the loaders in the directory that functions see as /var/runtime.
const (
	nodeLoader   = "node.cjs"
	pythonLoader = "python_loader"
)

// writeLoaders writes the loaders to a directory named after their content.
func writeLoaders(dir string) (string, error) {
	h := sha256.New()
	h.Write(loaders.Node)
	h.Write(loaders.Python)
	final := filepath.Join(dir, "runtime-"+hex.EncodeToString(h.Sum(nil)[:8]))
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	temp, err := os.MkdirTemp(dir, "part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	err = errors.Join(
		os.Chmod(temp, 0o755),
		os.WriteFile(filepath.Join(temp, nodeLoader), loaders.Node, 0o444),
		os.WriteFile(filepath.Join(temp, pythonLoader+".py"), loaders.Python, 0o444),
	)
	if err != nil {
		return "", err
	}
	if err := os.Rename(temp, final); err != nil {
		if _, statErr := os.Stat(final); statErr != nil {
			return "", err
		}
	}
	return final, nil
}
