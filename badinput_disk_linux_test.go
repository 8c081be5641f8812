package stagedoor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// On a full disk writes are refused with the reason, deployed stages go on
// answering, and what was acknowledged is there when there is room again.
func TestFullDisk(t *testing.T) {
	needs(t, "python3")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	ballast, data := filepath.Join(dir, "ballast"), filepath.Join(dir, "data")
	s := startIn(t, data)
	v := furnished(t, s)
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(dir, &disk))
	must(t, os.WriteFile(ballast, make([]byte, int(disk.Bavail)*int(disk.Bsize)-300<<10), 0o600))
	var kept []string
	var refused answer
	for i := range 100_000 {
		name := fmt.Sprintf("%s-%d", strings.Repeat("x", 400), i)
		if a := v.group("CreateLogGroup", name); a.status != 200 {
			refused = a
			break
		}
		kept = append(kept, name)
	}
	v.want(fmt.Sprintf("write %d", len(kept)+1), refused, 500, "", "no space left on device): free space or mend the disk of the data directory, then start again")
	v.want("the next one, of another service", v.as("test", "apigateway", "POST", "/restapis", strings.NewReader(`{"name":"full"}`)), 500, "InternalFailure", "free space")
	v.alive()
	_ = s.Close(t.Context()) // it says what it could not write

	must(t, os.Remove(ballast))
	s = startIn(t, data)
	again := attack(t, s)
	again.api = v.api
	again.alive()
	for _, name := range kept {
		if a := again.group("DescribeLogStreams", name); a.status != 200 {
			t.Fatalf("acknowledged and lost: %v", a)
		}
	}
	closeServer(t, s)
}
