package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxFunctionLines = 60  // in tests without their tables
	maxFileLines     = 400 // of files that are not tests
)

// exceptions are the places that may break a rule, as the finding begins ("signaling/conn.go: Serve"), with the reason.
func exceptions() map[string]string {
	return map[string]string{
		"rooms/room.go: UnixMicro takes": "an order that has to outlive the process, and is made to grow",
	}
}

// checker collects what Go files break.
type checker struct {
	files    *token.FileSet
	found    []string
	comments map[string]int    // package (folder and name) to how many comments it has
	packages map[string]string // the same to how its comment must begin
}

// sourceFindings returns a line for each rule that a Go file of the tree breaks.
func sourceFindings(root string, files []string) []string {
	c := checker{files: token.NewFileSet(), comments: map[string]int{}, packages: map[string]string{}}
	for _, file := range files {
		if strings.HasSuffix(file, ".go") && !strings.Contains("/"+file, "/testdata/") {
			c.file(filepath.Join(root, filepath.FromSlash(file)), file)
		}
	}
	for pkg, begin := range c.packages {
		if n := c.comments[pkg]; n != 1 {
			c.found = append(c.found, fmt.Sprintf("%s: %d package comments that begin with %q, want 1", pkg, n, begin))
		}
	}
	slices.Sort(c.found)
	return slices.DeleteFunc(c.found, excepted)
}

func excepted(finding string) bool {
	for place := range exceptions() {
		if strings.HasPrefix(finding, place) {
			return true
		}
	}
	return false
}

func (c *checker) file(full, name string) {
	f, err := parser.ParseFile(c.files, full, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return // the compiler says it better
	}
	generated, test := ast.IsGenerated(f), strings.HasSuffix(name, "_test.go")
	if lines := c.files.File(f.Pos()).LineCount(); lines > maxFileLines && !test && !generated {
		c.found = append(c.found, fmt.Sprintf("%s: %d lines, at most %d", name, lines, maxFileLines))
	}
	if !test {
		c.packageComment(f, path.Dir(name))
		c.clock(name, f)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.function(name, d, test, generated)
		case *ast.GenDecl:
			if !test && f.Name.Name != "main" {
				c.declaration(name, d)
			}
		}
	}
}

func (c *checker) packageComment(f *ast.File, dir string) {
	begin := "Package " + f.Name.Name + " "
	if f.Name.Name == "main" {
		begin = "Command " + path.Base(dir) + " "
	}
	c.packages[dir] = begin
	if text := f.Doc.Text(); strings.HasPrefix(text, begin) {
		c.comments[dir]++
	} else if text != "" {
		c.found = append(c.found, fmt.Sprintf("%s: the package comment must begin with %q", dir, begin))
	}
}

func (c *checker) function(name string, d *ast.FuncDecl, test, generated bool) {
	lines := c.lines(d)
	if test && d.Body != nil {
		lines -= c.tableLines(d.Body)
	}
	if lines > maxFunctionLines && !generated {
		c.found = append(c.found, fmt.Sprintf("%s: %s is %d lines, at most %d", name, d.Name.Name, lines, maxFunctionLines))
	}
	if !test && d.Doc == nil && d.Name.IsExported() && receiverIsExported(d) {
		c.undocumented(name, d.Name)
	}
}

func (c *checker) lines(n ast.Node) int {
	return c.files.Position(n.End()).Line - c.files.Position(n.Pos()).Line + 1
}

// tableLines counts the lines of the tables in a test, which are data: literals that a statement of its own names.
func (c *checker) tableLines(body *ast.BlockStmt) int {
	lines := 0
	for _, statement := range body.List {
		if assign, ok := statement.(*ast.AssignStmt); ok && len(assign.Rhs) == 1 {
			if table, ok := assign.Rhs[0].(*ast.CompositeLit); ok {
				lines += c.lines(table)
			}
		}
	}
	return lines
}

func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// declaration wants a comment on every exported type, constant and variable. The comment of a group serves constants and
// variables, one at the end of the line too.
func (c *checker) declaration(name string, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				c.undocumented(name, s.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || d.Doc != nil {
				continue
			}
			for _, ident := range s.Names {
				if ident.IsExported() {
					c.undocumented(name, ident)
				}
			}
		}
	}
}

func (c *checker) undocumented(name string, ident *ast.Ident) {
	c.found = append(c.found, fmt.Sprintf("%s: %s has no comment", name, ident.Name))
}
