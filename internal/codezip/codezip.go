// Package codezip checks and extracts the zip files that hold functions' code.
//
// Nothing in a zip is trusted: names that leave the root, links that point
// outside, sizes that lie and bombs are refused, and extraction goes through
// os.Root, so that even a check that fails to see something cannot write
// outside. Service lambda validates uploads with it, package sandbox extracts
// with it. It imports nothing but the standard library and keeps no state.
package codezip

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Limits of AWS for zip deployment packages (LDG:gettingstarted-limits), in
// bytes, and ours where AWS documents none.
const (
	MaxZipped   = 50 << 20  // direct upload
	MaxUnzipped = 250 << 20 // all files together; AWS's message says 262144000 bytes
	MaxFiles    = 100_000   // ours: what no package has and a bomb needs
	maxLinkLen  = 4096
)

// Kinds of refusal (errors.Is).
var (
	// ErrInvalid: no zip file, a truncated one, or one with illegal entries.
	// AWS: InvalidParameterValueException "Could not unzip uploaded file. Please
	// check your file, then try to upload again."
	ErrInvalid = errors.New("could not unzip uploaded file")
	// ErrEmpty: a zip file without entries. AWS: "Uploaded file must be a
	// non-empty zip".
	ErrEmpty = errors.New("zip file has no entries")
	// ErrTooLarge: over MaxZipped, RequestEntityTooLargeException on AWS.
	ErrTooLarge = errors.New("zip file is too large")
	// ErrUnzippedTooLarge: over MaxUnzipped. AWS: "Unzipped size must be smaller
	// than 262144000 bytes".
	ErrUnzippedTooLarge = errors.New("unzipped size must be smaller than 262144000 bytes")
)

// Info describes a valid zip.
type Info struct {
	Files    int
	Unzipped int64 // bytes
}

// Validate checks a zip as an upload does: names, types and announced sizes
// first, then every file's data against its size and checksum, and every link's
// target. It writes nothing. A broken package is refused when it is uploaded,
// as on AWS, and not at the first call of its function; what only the file
// system can tell (a file where a directory is needed, a chain of links that
// leads outside) is left to Extract.
func Validate(data []byte) (Info, error) {
	r, info, err := open(data)
	if err != nil {
		return info, err
	}
	left := int64(MaxUnzipped)
	for _, f := range r.File {
		switch {
		case f.Mode().IsDir() || strings.HasSuffix(f.Name, "/"):
		case f.Mode()&fs.ModeSymlink != 0:
			if _, err := linkTarget(f); err != nil {
				return info, err
			}
		default:
			n, err := readThrough(f, left)
			if err != nil {
				return info, err
			}
			left -= n
		}
	}
	return info, nil
}

// readThrough reads a file's data, which package zip compares with the size and
// checksum that the directory announces, and returns how much there is.
func readThrough(f *zip.File, left int64) (int64, error) {
	in, err := f.Open()
	if err != nil {
		return 0, entryError(f, err)
	}
	defer in.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(in, left+1))
	if err != nil {
		return 0, entryError(f, err)
	}
	if n > left {
		return 0, ErrUnzippedTooLarge
	}
	return n, nil
}

func open(data []byte) (*zip.Reader, Info, error) {
	var info Info
	if len(data) > MaxZipped {
		return nil, info, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(data), MaxZipped)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, info, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	if len(r.File) == 0 {
		return nil, info, ErrEmpty
	}
	if len(r.File) > MaxFiles {
		return nil, info, fmt.Errorf("%w: %d entries, the limit is %d", ErrInvalid, len(r.File), MaxFiles)
	}
	for _, f := range r.File {
		if err := checkEntry(f); err != nil {
			return nil, info, err
		}
		if f.UncompressedSize64 > MaxUnzipped {
			return nil, info, ErrUnzippedTooLarge
		}
		if info.Unzipped += int64(f.UncompressedSize64); info.Unzipped > MaxUnzipped {
			return nil, info, ErrUnzippedTooLarge
		}
		info.Files++
	}
	return r, info, nil
}

// checkEntry refuses what has no place in a package, whatever os.Root would
// make of it: a clear message at upload is worth more than one at the first call.
func checkEntry(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	if name == "." || name == "" && f.Name == "/" {
		return nil
	}
	if name == "" || strings.ContainsAny(name, "\x00\\") || path.IsAbs(name) || !fs.ValidPath(path.Clean(name)) {
		return fmt.Errorf("%w: entry %q leaves the package", ErrInvalid, f.Name)
	}
	if slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf("%w: entry %q leaves the package", ErrInvalid, f.Name)
	}
	switch f.Mode().Type() {
	case 0, fs.ModeDir, fs.ModeSymlink:
	default:
		return fmt.Errorf("%w: entry %q is neither file, directory nor symbolic link", ErrInvalid, f.Name)
	}
	if f.Flags&1 != 0 {
		return fmt.Errorf("%w: entry %q is encrypted", ErrInvalid, f.Name)
	}
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return fmt.Errorf("%w: entry %q is compressed with method %d", ErrInvalid, f.Name, f.Method)
	}
	return nil
}

// Extract writes a zip's files below root. File modes are kept but for writing:
// nobody may write to /var/task. Links are made last and only when they stay
// inside. After an error root may hold a part of the files.
func Extract(data []byte, root *os.Root) (Info, error) {
	r, info, err := open(data)
	if err != nil {
		return info, err
	}
	var links []*zip.File
	left := int64(MaxUnzipped)
	var buf [32 << 10]byte
	for _, f := range r.File {
		name := path.Clean(f.Name)
		switch {
		case name == "." || name == "/":
		case f.Mode().IsDir() || strings.HasSuffix(f.Name, "/"):
			if err := root.MkdirAll(name, 0o755); err != nil {
				return info, entryError(f, err)
			}
		case f.Mode()&fs.ModeSymlink != 0:
			links = append(links, f)
		default:
			n, err := extractFile(root, f, name, left, buf[:])
			if err != nil {
				return info, err
			}
			left -= n
		}
	}
	for _, f := range links {
		if err := extractLink(root, f); err != nil {
			return info, err
		}
	}
	return info, nil
}

func extractFile(root *os.Root, f *zip.File, name string, left int64, buf []byte) (int64, error) {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return 0, entryError(f, err)
		}
	}
	in, err := f.Open()
	if err != nil {
		return 0, entryError(f, err)
	}
	defer in.Close()
	// A zip made without Unix modes (mode 0 for others) must be readable all
	// the same; the executable bits are what a bootstrap lives by.
	mode := f.Mode().Perm()&0o555 | 0o444
	// The same name twice: the last one wins, as with unzip -o.
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, entryError(f, err)
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return 0, entryError(f, err)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{out}, io.LimitReader(in, left+1), buf)
	if err = errors.Join(err, out.Close()); err != nil {
		return 0, entryError(f, err)
	}
	if n > left {
		return 0, ErrUnzippedTooLarge
	}
	return n, nil
}

// linkTarget reads where a link points and refuses what is not inside the
// package.
func linkTarget(f *zip.File) (string, error) {
	in, err := f.Open()
	if err != nil {
		return "", entryError(f, err)
	}
	defer in.Close()
	target, err := io.ReadAll(io.LimitReader(in, maxLinkLen+1))
	if err != nil {
		return "", entryError(f, err)
	}
	to := string(target)
	inside := path.Join(path.Dir(path.Clean(f.Name)), to)
	if to == "" || len(to) > maxLinkLen || path.IsAbs(to) || inside == ".." || strings.HasPrefix(inside, "../") || strings.ContainsRune(to, 0) {
		return "", fmt.Errorf("%w: link %q points outside the package, to %q", ErrInvalid, f.Name, to[:min(len(to), 200)])
	}
	return to, nil
}

func extractLink(root *os.Root, f *zip.File) error {
	to, err := linkTarget(f)
	if err != nil {
		return err
	}
	name := path.Clean(f.Name)
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return entryError(f, err)
		}
	}
	if err := root.Symlink(to, name); err != nil {
		return entryError(f, err)
	}
	// A chain of links may lead outside although each one looks harmless; a
	// link to nothing is legal.
	if _, err := root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		root.Remove(name)
		return fmt.Errorf("%w: link %q points outside the package, to %q", ErrInvalid, f.Name, to)
	}
	return nil
}

// entryError tells a broken zip (ErrInvalid) from a broken disk: what os.Root
// reports is the disk's fault unless the names in the zip contradict each other
// (a file where a directory is needed) or leave the root.
func entryError(f *zip.File, err error) error {
	var onDisk *fs.PathError
	if !errors.As(err, &onDisk) || strings.Contains(onDisk.Err.Error(), "escapes") {
		return fmt.Errorf("%w: entry %q: %v", ErrInvalid, f.Name, err)
	}
	for _, errno := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, syscall.EEXIST, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: entry %q: %v", ErrInvalid, f.Name, err)
		}
	}
	return fmt.Errorf("extracting %q: %w", f.Name, err)
}
