package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"parley/cmd/need"
)

// Arrow is a direction that dependencies must not take.
type Arrow struct {
	From string   // package, or a folder and all below it with /...; ./ stands for this module
	Not  []string // what From must not import, directly or by way of others, in the same notation
	Only []string // if not nil: besides the standard library, From itself may import only this
	Why  string
}

// arrows is the whole table. The picture of it is in docs/architecture.md.
func arrows() []Arrow {
	frameworks := []string{
		"github.com/gorilla/...", "github.com/pion/...", "github.com/rs/zerolog/...",
		"github.com/prometheus/...", "github.com/nats-io/...",
	}
	return []Arrow{
		{
			From: "./rooms", Not: append(frameworks, "./signaling/...", "./certs/...", "./web/..."),
			Why: "the domain knows no transport, no logger and no other engine",
		},
		{From: "./rooms/roomstest", Only: []string{"./rooms"}, Why: "every engine runs this suite, so it brings nothing along"},
		{
			From: "./rooms/natsrooms", Not: []string{"./signaling/...", "github.com/gorilla/...", "github.com/pion/..."},
			Why: "an engine knows rooms, not how clients reach them",
		},
		{
			From: "./rooms/natsrooms", Only: []string{"./rooms", "github.com/nats-io/nats.go/...", "github.com/google/uuid"},
			Why: "whoever makes the engine counts and logs what it does",
		},
		{From: "./signaling/protocol", Only: []string{}, Why: "the wire is the standard library's alone: anybody may import it"},
		{
			From: "./signaling/client", Not: []string{"./rooms/...", "./signaling", "github.com/pion/..."},
			Why: "a client must not bring the server along, nor a media stack",
		},
		{
			From: "./signaling/admin", Not: []string{"./rooms/natsrooms", "./signaling/client"},
			Only: []string{
				"./rooms", "./signaling", "./signaling/protocol", "github.com/rs/zerolog",
				"github.com/prometheus/client_golang/prometheus", "golang.org/x/time/rate",
			},
			Why: "operators reach rooms through rooms.Governor, whatever the engine",
		},
		{From: "./signaling", Not: []string{"./signaling/admin"}, Why: "clients are served the same, whether or not there are operators"},
		{
			From: "./signaling/...", Not: []string{"./certs/...", "./web/..."},
			Why: "the endpoint is given its listener and its pages by cmd",
		},
		{From: "./certs/...", Not: []string{"./signaling/...", "./rooms/...", "./web/..."}, Why: "certificates serve any HTTPS server"},
		{From: "./web/...", Not: []string{"./signaling/...", "./rooms/...", "./certs/..."}, Why: "the page is files"},
		{From: "./cmd/parley-peer/...", Not: []string{"./rooms/...", "./signaling"}, Why: "the peer is a client, and proves that one needs nothing of the server"},
		{From: "./rooms/...", Not: []string{"./cmd/..."}, Why: "commands are the top"},
		{From: "./signaling/...", Not: []string{"./cmd/..."}, Why: "commands are the top"},
		{From: "./certs/...", Not: []string{"./cmd/..."}, Why: "commands are the top"},
		{From: "./web/...", Not: []string{"./cmd/..."}, Why: "commands are the top"},
	}
}

// Graph is what packages import: the import path to the import paths. Packages of the standard library are left out.
type Graph map[string][]string

// loadGraph asks the go command for the packages below root and all that they need, tests left out.
func loadGraph(root string) (module string, g Graph, err error) {
	cmd := exec.Command(need.GoCommand(), "list", "-m")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("go list -m: %w", err)
	}
	module = strings.TrimSpace(string(out))

	cmd = exec.Command(need.GoCommand(), "list", "-e", "-deps", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir = root
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	g, err = readGraph(stdout)
	return module, g, errors.Join(err, cmd.Wait())
}

func readGraph(r io.Reader) (Graph, error) {
	g := Graph{}
	standard := map[string]bool{"C": true, "unsafe": true}
	for d := json.NewDecoder(r); ; {
		var p struct {
			ImportPath string
			Imports    []string
			Standard   bool
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.Standard {
			standard[p.ImportPath] = true
			continue
		}
		g[p.ImportPath] = p.Imports
	}
	for path, imports := range g {
		g[path] = slices.DeleteFunc(imports, func(to string) bool { return standard[to] })
	}
	return g, nil
}

// backward returns a line for every arrow of the table that the graph draws backwards, with the way that it takes.
func backward(g Graph, module string, table []Arrow) []string {
	var found []string
	for _, arrow := range table {
		for path := range g {
			if !matches(arrow.From, path, module) {
				continue
			}
			if way := g.wayToForbidden(path, module, arrow); way != nil {
				found = append(found, fmt.Sprintf("%s: %s", strings.Join(way, " imports "), arrow.Why))
			}
		}
	}
	slices.Sort(found)
	return found
}

// wayToForbidden returns the shortest way from a package to one that the arrow forbids, nil if there is none.
func (g Graph) wayToForbidden(from, module string, arrow Arrow) []string {
	came := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range g[queue[0]] {
			if _, seen := came[to]; seen {
				continue
			}
			came[to] = queue[0]
			if arrow.forbids(to, module, queue[0] == from) {
				way := []string{to}
				for at := came[to]; at != ""; at = came[at] {
					way = slices.Insert(way, 0, at)
				}
				return way
			}
			queue = append(queue, to)
		}
	}
	return nil
}

func (a Arrow) forbids(path, module string, direct bool) bool {
	in := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path, module) })
	}
	return in(a.Not) || (direct && a.Only != nil && !in(a.Only))
}

// matches tells whether path is pattern, or below it where pattern ends in /...
func matches(pattern, path, module string) bool {
	if below, ok := strings.CutPrefix(pattern, "./"); ok {
		pattern = module + "/" + below
	}
	folder, all := strings.CutSuffix(pattern, "/...")
	return path == folder || (all && strings.HasPrefix(path, folder+"/"))
}
