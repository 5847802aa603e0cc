package house

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
)

// wallClock are the calls that give up the monotonic part of a time (package time, "Monotonic Clocks"): what is measured between
// two of them goes wrong when the clock is set, and everybody's connection seems to have been silent for an hour.
func wallClock() []string { return []string{"Unix", "UnixMicro", "UnixMilli", "UnixNano", "Round"} }

// steady are the packages that measure time while clients are connected, and so must not use them.
func steady() []string { return []string{"rooms", "signaling", "signaling/client"} }

func (c *checker) clock(name string, f *ast.File) {
	if !slices.Contains(steady(), path.Dir(name)) {
		return
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(wallClock(), s.Sel.Name) {
			c.found = append(c.found, fmt.Sprintf("%s: %s takes the wall clock, which can be set; measure with time.Since", name, s.Sel.Name))
		}
		return true
	})
}
