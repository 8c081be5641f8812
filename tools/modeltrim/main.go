// Command modeltrim writes the service models that package awswire embeds.
//
// It reads botocore's service-2.json files (Apache-2.0, see NOTICE), keeps what the wire needs (operations, bindings,
// shapes, constraints, errors) in the model's own order, drops documentation, and writes one gzip file per service plus
// SOURCE, which records the version. The output is byte-for-byte reproducible.
//
//	go run ./tools/modeltrim -out awswire/models [-src DIR]
//
// Without -src it asks python3 where botocore is installed.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// services are the directories of botocore's data tree.
var services = []string{"apigateway", "apigatewayv2", "cloudwatch", "iam", "lambda", "logs", "sts"}

func main() {
	src := flag.String("src", "", "botocore's data directory (holds lambda/, iam/, …)")
	out := flag.String("out", "awswire/models", "where the trimmed models go")
	flag.Parse()
	if err := run(*src, *out); err != nil {
		fmt.Fprintln(os.Stderr, "modeltrim:", err)
		os.Exit(1)
	}
}

func run(src, out string) error {
	version := "given by -src"
	if src == "" {
		var err error
		if src, version, err = findBotocore(); err != nil {
			return err
		}
	}
	var note strings.Builder
	fmt.Fprintf(&note, "Trimmed by tools/modeltrim from the service models of botocore %s (Apache-2.0,\n", version)
	note.WriteString("https://github.com/boto/botocore): documentation and unused traits removed, nothing added.\n")
	for _, name := range services {
		file, err := newest(filepath.Join(src, name))
		if err != nil {
			return err
		}
		raw, err := readModel(file)
		if err != nil {
			return err
		}
		trimmed, err := trimModel(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		packed, err := pack(trimmed)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name+".json.gz"), packed, 0o644); err != nil {
			return err
		}
		rel, _ := filepath.Rel(src, filepath.Dir(file))
		fmt.Fprintf(&note, "%s: %d bytes, %d packed\n", filepath.ToSlash(rel), len(trimmed), len(packed))
	}
	return os.WriteFile(filepath.Join(out, "SOURCE"), []byte(note.String()), 0o644)
}

func findBotocore() (dir, version string, err error) {
	const script = "import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), 'data')); print(botocore.__version__)"
	text, err := exec.Command("python3", "-c", script).Output()
	if err != nil {
		return "", "", fmt.Errorf("python3 cannot import botocore (pip install botocore, or use -src): %w", err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2 {
		return "", "", fmt.Errorf("unexpected answer of python3: %q", text)
	}
	return lines[0], lines[1], nil
}

// newest returns the model of the latest API version below dir: directories are named by date.
func newest(dir string) (string, error) {
	versions, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	slices.Reverse(versions)
	for _, v := range versions {
		for _, name := range []string{"service-2.json", "service-2.json.gz"} {
			file := filepath.Join(dir, v.Name(), name)
			if _, err := os.Stat(file); err == nil {
				return file, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("no service-2.json below %s", dir)
}

func readModel(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(file, ".gz") {
		return raw, err
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // no name and no time in the header: reproducible
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
