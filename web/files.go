package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
)

// version is a file's content in one coding, "" for none.
type version struct {
	coding string
	body   []byte
	tag    string // a strong ETag
}

// file is what is served at one address.
type file struct {
	contentType string
	versions    []version // the smallest first, the plain one last
}

// codings are what browsers take over HTTPS, and what is left where they do not.
var codings = []struct {
	name string
	pack func([]byte) []byte
}{
	{"br", brotlied},
	{"gzip", gzipped},
}

// newFile keeps no version in which compression gains nothing.
func newFile(name string, body []byte) *file {
	f := &file{contentType: contentType(name)}
	for _, coding := range codings {
		if packed := coding.pack(body); len(packed) < len(body)*9/10 {
			f.versions = append(f.versions, version{coding.name, packed, tagOf(packed)})
		}
	}
	f.versions = append(f.versions, version{"", body, tagOf(body)})
	return f
}

// brotliLevel is the one beyond which a server's start takes longer for next to nothing.
const brotliLevel = 5

func brotlied(body []byte) []byte {
	var packed bytes.Buffer
	w := brotli.NewWriterLevel(&packed, brotliLevel)
	_, _ = w.Write(body) // into memory
	_ = w.Close()
	return packed.Bytes()
}

func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func gzipped(body []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one of its own
	_, _ = w.Write(body)                                       // into memory
	_ = w.Close()
	return packed.Bytes()
}

// contentType does not ask the system, which may know other types than the browser needs.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	default:
		return "application/octet-stream"
	}
}

// newSite reads all files. It cannot fail: they are in the binary.
func newSite(files fs.FS) *site {
	s := &site{files: map[string]*file{}}
	_ = fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		at := strings.TrimPrefix(name, "static")
		if at != "/index.html" {
			s.files[at] = newFile(name, body)
			return err
		}
		body = preload(body, modules(files))
		s.files["/"] = newFile(name, body)
		s.room = newFile(name, roomPage(body))
		return err
	})
	return s
}

// roomPage is the same page one folder further down, that does not begin with the landing.
func roomPage(page []byte) []byte {
	page = bytes.Replace(page, []byte(`<base href="./">`), []byte(`<base href="../">`), 1)
	return bytes.Replace(page, []byte(`data-screen="landing"`), []byte(`data-screen="green"`), 1)
}

// preload names all modules in the page's head, so that the browser asks for them at once and not one after the other as it
// reads their imports. The page works without.
func preload(page []byte, names []string) []byte {
	var links strings.Builder
	for _, name := range names {
		links.WriteString(`<link rel="modulepreload" href="` + name + `">` + "\n")
	}
	return bytes.Replace(page, []byte("</head>"), []byte(links.String()+"</head>"), 1)
}

var imported = regexp.MustCompile(`(?m)^(?:import|export|\})[^;]*?from "(\.[^"]+)";`)

// modules returns the page's modules, without the first one, in the order of their imports.
func modules(files fs.FS) []string {
	found := []string{"page/main.js"}
	for i := 0; i < len(found); i++ {
		body, _ := fs.ReadFile(files, path.Join("static", found[i]))
		for _, match := range imported.FindAllSubmatch(body, -1) {
			name := path.Join(path.Dir(found[i]), string(match[1]))
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found[1:]
}
