package main

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

//go:embed functions/python/index.py functions/node/index.mjs
var sources embed.FS

// function is what CreateFunction needs beside a name and a role.
type function struct {
	runtime types.Runtime
	handler string
	zip     []byte
}

// functions returns the function of every stage: dev in Python, staging in
// Node.js, prod in Go, compiled here.
func functions(work string) (map[string]function, error) {
	python, err := embedded("functions/python/index.py")
	if err != nil {
		return nil, err
	}
	node, err := embedded("functions/node/index.mjs")
	if err != nil {
		return nil, err
	}
	bootstrap, err := compiled(work)
	if err != nil {
		return nil, err
	}
	return map[string]function{
		"dev":     {runtime: "python3.12", handler: "index.handler", zip: python},
		"staging": {runtime: "nodejs20.x", handler: "index.handler", zip: node},
		"prod":    {runtime: "provided.al2023", handler: "bootstrap", zip: bootstrap},
	}, nil
}

func embedded(name string) ([]byte, error) {
	data, err := sources.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return zipped(filepath.Base(name), data)
}

// compiled builds the Go function as one builds it for AWS: static, called
// bootstrap, executable.
func compiled(work string) ([]byte, error) {
	out := filepath.Join(work, "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out,
		"github.com/stagedoor/stagedoor/examples/stages/functions/go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the Go function (run this from the repository): %w\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return zipped("bootstrap", data)
}

func zipped(name string, data []byte) ([]byte, error) {
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
