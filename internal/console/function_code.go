package console

import (
	"archive/zip"
	"bytes"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// packageView is a function's code.
type packageView struct {
	Size        int64
	Hash        string // AWS's CodeSha256
	DownloadURL string
	Files       []packageFile
	MoreFiles   int
	// Handler is the file that holds the handler, as far as names tell.
	Handler string
	// Source is the text of that file where it is small, "" otherwise.
	Source string
	Why    string // why there is no list of files
}

type packageFile struct {
	Name      string
	Size      uint64
	IsHandler bool
}

// What of a package is shown: reading a large archive for each view would take
// too long.
const (
	packageRead  = 4 << 20
	filesShown   = 60
	sourceShown  = 32 << 10
	codeLocation = Prefix + "code/"
)

// newPackage describes the code at a location that GetFunction answered: who
// may ask that may read it.
func (v *visit) newPackage(f *functionView, code *types.FunctionCodeLocation) *packageView {
	p := &packageView{Size: f.Config.CodeSize, Hash: aws.ToString(f.Config.CodeSha256)}
	if code == nil || aws.ToString(code.Location) == "" || f.Config.PackageType == types.PackageTypeImage {
		p.Why = "The code is a container image; it is not unpacked here."
		return p
	}
	p.DownloadURL = functionURL(f.Name) + "/code?" + query("qualifier", f.Qualifier)
	switch {
	case v.c.o.Code == nil:
		p.Why = "The files are not listed here."
	case p.Size > packageRead:
		p.Why = "The package is too large to be listed here."
	default:
		p.list(v, aws.ToString(code.Location), f.Config)
	}
	return p
}

func (p *packageView) list(v *visit, location string, config *types.FunctionConfiguration) {
	data, err := v.c.o.Code(v.ctx(), path.Base(location))
	if err != nil {
		p.Why = "The code cannot be read: " + err.Error()
		return
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		p.Why = "The package is no ZIP archive: " + err.Error()
		return
	}
	module, _, _ := strings.Cut(aws.ToString(config.Handler), ".")
	for _, file := range archive.File {
		if file.FileInfo().IsDir() {
			continue
		}
		if len(p.Files) == filesShown {
			p.MoreFiles++
			continue
		}
		entry := packageFile{Name: file.Name, Size: file.UncompressedSize64}
		entry.IsHandler = p.Handler == "" && holdsHandler(file.Name, module)
		if entry.IsHandler {
			p.Handler = file.Name
			p.Source = source(file)
		}
		p.Files = append(p.Files, entry)
	}
	slices.SortFunc(p.Files, func(a, b packageFile) int { return strings.Compare(a.Name, b.Name) })
}

// holdsHandler reports whether a file is the one that the handler names:
// "index.handler" is in index.py, index.mjs or index.js; a provided runtime
// has its bootstrap.
func holdsHandler(name, module string) bool {
	extension := path.Ext(name)
	switch extension {
	case ".py", ".js", ".mjs", ".cjs", ".rb":
		return module != "" && strings.TrimSuffix(name, extension) == strings.ReplaceAll(module, "\\", "/")
	}
	return false
}

// source is the text of a file that is small enough, "" otherwise.
func source(file *zip.File) string {
	if file.UncompressedSize64 > sourceShown {
		return ""
	}
	r, err := file.Open()
	if err != nil {
		return ""
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(http.MaxBytesReader(nil, r, sourceShown)); err != nil {
		return ""
	}
	text, _, binary, _ := forPeople(b.Bytes())
	if binary {
		return ""
	}
	return text
}

// downloadCode sends the browser to the code, under a name that a person knows
// again.
func downloadCode(v *visit, w http.ResponseWriter) error {
	name, qualifier := v.r.PathValue("name"), v.value("qualifier")
	in := &lambda.GetFunctionInput{FunctionName: &name}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	out, err := v.functions("").GetFunction(v.ctx(), in)
	if err != nil {
		return err
	}
	if out.Code == nil || v.c.o.Code == nil {
		return &problem{Status: http.StatusNotFound, Title: "There is nothing to download", Sentence: "The code is not a package that stagedoor holds.", To: functionURL(name)}
	}
	data, err := v.c.o.Code(v.ctx(), path.Base(aws.ToString(out.Code.Location)))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	// Lambda's names hold letters, digits, "-" and "_" only.
	h.Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(qualifiedName(name, qualifier), ":", "-")+`.zip"`)
	_, err = w.Write(data)
	return err
}
