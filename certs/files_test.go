package certs

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// eventsOnly has no poll, so that what a test sees came from an event.
var eventsOnly = timing{settle: 20 * time.Millisecond, poll: 1000 * time.Hour}

// pair is a certificate for localhost with its key, as texts.
type pair struct{ cert, key []byte }

func newPair(t *testing.T) pair {
	t.Helper()
	authority, err := newAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, _, err := authority.issue([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := encodeKey(leaf.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	return pair{encodeCertificate(leaf.Leaf.Raw), key}
}

// serial is what tells one pair from another.
func (p pair) serial(t *testing.T) string {
	t.Helper()
	cert, err := firstCertificate(p.cert)
	if err != nil {
		t.Fatal(err)
	}
	return cert.SerialNumber.String()
}

func (p pair) write(t *testing.T, folder string) {
	t.Helper()
	mustWrite(t, filepath.Join(folder, "tls.crt"), p.cert)
	mustWrite(t, filepath.Join(folder, "tls.key"), p.key)
}

// rename puts the pair in place as certbot and careful scripts do.
func (p pair) rename(t *testing.T, folder string) {
	t.Helper()
	p.write(t, filepath.Join(folder, "new"))
	for _, name := range []string{"tls.crt", "tls.key"} {
		mustRename(t, filepath.Join(folder, "new", name), filepath.Join(folder, name))
	}
}

func mustRename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// watched is an open source together with the reloads it tells of.
type watched struct {
	*Files
	reloads chan Reload
	t       *testing.T
}

func watch(t *testing.T, certFolder, keyFolder string, timing timing) *watched {
	t.Helper()
	w := &watched{reloads: make(chan Reload, 100), t: t}
	files, err := openFiles(FilesOptions{
		CertFile: filepath.Join(certFolder, "tls.crt"),
		KeyFile:  filepath.Join(keyFolder, "tls.key"),
		OnReload: func(r Reload) { w.reloads <- r },
	}, timing)
	if err != nil {
		t.Fatal(err)
	}
	w.Files = files
	t.Cleanup(func() { _ = files.Close() })
	return w
}

// served returns the serial number that a new client gets.
func (w *watched) served() string {
	w.t.Helper()
	return mustDial(w.t, w.TLSConfig(), &tls.Config{InsecureSkipVerify: true}).leaf().SerialNumber.String()
}

// await waits until the pair is served. A look between the two files may find a mismatch before.
func (w *watched) await(p pair) {
	w.t.Helper()
	for r := range w.reloads {
		if r.Err == nil && w.current.Load().Leaf.SerialNumber.String() == p.serial(w.t) {
			break
		}
	}
	if got := w.served(); got != p.serial(w.t) {
		w.t.Errorf("served is %s, want %s", got, p.serial(w.t))
	}
}

func TestReload(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, p pair, folder string)
	}{
		{"in place", func(t *testing.T, p pair, folder string) { p.write(t, folder) }},
		{"by renaming", func(t *testing.T, p pair, folder string) { p.rename(t, folder) }},
		{"key first", func(t *testing.T, p pair, folder string) {
			mustWrite(t, filepath.Join(folder, "tls.key"), p.key)
			mustWrite(t, filepath.Join(folder, "tls.crt"), p.cert)
		}},
		{"removed and made again", func(t *testing.T, p pair, folder string) {
			if err := os.Remove(filepath.Join(folder, "tls.crt")); err != nil {
				t.Fatal(err)
			}
			p.write(t, folder)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			first, second, third := newPair(t), newPair(t), newPair(t)
			first.write(t, folder)
			w := watch(t, folder, folder, eventsOnly)
			if got := w.served(); got != first.serial(t) {
				t.Fatalf("served is %s, want %s", got, first.serial(t))
			}
			test.change(t, second, folder)
			w.await(second)
			test.change(t, third, folder)
			w.await(third)
		})
	}
}

func TestReloadThroughSymlinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	// The way of Kubernetes: tls.crt → ..data/tls.crt, and ..data → a folder for each version.
	folder := t.TempDir()
	first, second := newPair(t), newPair(t)
	first.write(t, filepath.Join(folder, "..v1"))
	second.write(t, filepath.Join(folder, "..v2"))
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..v1", "..data")
	link("..data/tls.crt", "tls.crt")
	link("..data/tls.key", "tls.key")
	w := watch(t, folder, folder, eventsOnly)

	link("..v2", "..data_tmp")
	mustRename(t, filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data"))
	if err := os.RemoveAll(filepath.Join(folder, "..v1")); err != nil {
		t.Fatal(err)
	}
	w.await(second)
}

func TestReloadFromTwoFolders(t *testing.T) {
	certs, keys := t.TempDir(), t.TempDir()
	first, second := newPair(t), newPair(t)
	mustWrite(t, filepath.Join(certs, "tls.crt"), first.cert)
	mustWrite(t, filepath.Join(keys, "tls.key"), first.key)
	w := watch(t, certs, keys, eventsOnly)
	mustWrite(t, filepath.Join(certs, "tls.crt"), second.cert)
	mustWrite(t, filepath.Join(keys, "tls.key"), second.key)
	w.await(second)
}

func TestConnectionsSurviveAReload(t *testing.T) {
	folder := t.TempDir()
	first, second := newPair(t), newPair(t)
	first.write(t, folder)
	w := watch(t, folder, folder, eventsOnly)
	config := w.TLSConfig() // a server keeps its configuration
	old := mustDial(t, config, &tls.Config{InsecureSkipVerify: true})
	old.ping()

	second.rename(t, folder)
	w.await(second)
	old.ping()
	fresh := mustDial(t, config, &tls.Config{InsecureSkipVerify: true})
	fresh.ping()
	if got := fresh.leaf().SerialNumber.String(); got != second.serial(t) {
		t.Errorf("a new client got %s, want %s", got, second.serial(t))
	}
	if !w.NotAfter().Equal(fresh.leaf().NotAfter) {
		t.Errorf("NotAfter is %v, want %v", w.NotAfter(), fresh.leaf().NotAfter)
	}
}

func TestBrokenPairIsRefused(t *testing.T) {
	folder := t.TempDir()
	first, second := newPair(t), newPair(t)
	first.write(t, folder)
	w := watch(t, folder, folder, eventsOnly)
	end := w.NotAfter()

	breaks := map[string]func(){
		"tls.crt: no certificate": func() { mustWrite(t, filepath.Join(folder, "tls.crt"), []byte("broken")) },
		"does not match":          func() { mustWrite(t, filepath.Join(folder, "tls.crt"), second.cert) },
		"no such file": func() {
			if err := os.Remove(filepath.Join(folder, "tls.crt")); err != nil {
				t.Fatal(err)
			}
		},
	}
	for want, change := range breaks {
		change()
		// Writing in place truncates first, which may be seen too.
		for r := range w.reloads {
			if r.Err == nil || !r.NotAfter.Equal(end) || strings.Contains(r.Err.Error(), "\n") {
				t.Fatalf("%s: %+v", want, r)
			}
			if strings.Contains(r.Err.Error(), want) || (want == "no such file" && errors.Is(r.Err, fs.ErrNotExist)) {
				break
			}
		}
		if got := w.served(); got != first.serial(t) {
			t.Errorf("%s: served is %s, want the old %s", want, got, first.serial(t))
		}
	}
	second.rename(t, folder)
	w.await(second)
}

// In virtual time without events: the files are looked at every minute, and each state is told once.
func TestPoll(t *testing.T) {
	first, second := newPair(t), newPair(t)
	folder := filepath.Join(t.TempDir(), "live")
	synctest.Test(t, func(t *testing.T) {
		first.write(t, folder)
		timing := defaultTiming()
		timing.noEvents = true
		w := watch(t, folder, folder, timing)
		begin := time.Now()

		mustWrite(t, filepath.Join(folder, "tls.crt"), second.cert)
		if r := <-w.reloads; r.Err == nil || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %+v", time.Since(begin), r)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(w.reloads); n != 0 {
			t.Errorf("the same failure was told %d times more", n)
		}
		mustWrite(t, filepath.Join(folder, "tls.key"), second.key)
		if r := <-w.reloads; r.Err != nil || w.current.Load().Leaf.SerialNumber.String() != second.serial(t) {
			t.Errorf("%+v", r)
		}
		// The way back to what is served already is told too.
		for _, change := range []struct {
			text []byte
			ok   bool
		}{{first.cert, false}, {second.cert, true}} {
			mustWrite(t, filepath.Join(folder, "tls.crt"), change.text)
			if r := <-w.reloads; (r.Err == nil) != change.ok {
				t.Errorf("%+v", r)
			}
		}
		if err := w.Close(); err != nil { // inside the bubble, where it was opened
			t.Error(err)
		}
	})
}

// A watch ends with its folder. The poll finds a folder that was made again, and watches it again.
func TestFolderMadeAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "live")
	first, second, third := newPair(t), newPair(t), newPair(t)
	first.write(t, folder)
	w := watch(t, folder, folder, timing{settle: time.Millisecond, poll: 20 * time.Millisecond})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if r := <-w.reloads; r.Err == nil {
		t.Errorf("%+v", r)
	}
	second.write(t, folder)
	w.await(second)
	third.rename(t, folder)
	w.await(third)
}

func TestFolderThatCannotBeWatched(t *testing.T) {
	folder := t.TempDir()
	newPair(t).write(t, folder)
	dead, err := newFolderWatch(eventsOnly, filepath.Join(folder, "none", "tls.crt"))
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("error %v", err)
	}
	dead.close()

	pair, _, loadErr := loadPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if loadErr != nil {
		t.Fatal(loadErr)
	}
	reloads := make(chan Reload, 1)
	files := &Files{options: FilesOptions{OnReload: func(r Reload) { reloads <- r }}, timing: eventsOnly, done: make(chan struct{})}
	files.current.Store(pair)
	ctx, stop := context.WithCancel(t.Context())
	files.stop = stop
	go files.run(ctx, dead, err)
	if r := <-reloads; r.Err == nil || !strings.Contains(r.Err.Error(), "noticed only every") {
		t.Errorf("%+v", r)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	one, two := newPair(t), newPair(t)
	for _, test := range []struct {
		name      string
		cert, key []byte // nil: no such file
		want      []string
	}{
		{"no certificate file", nil, one.key, []string{"certificate file", "tls.crt", "no such file"}},
		{"no key file", one.cert, nil, []string{"key file", "tls.key", "no such file"}},
		{"a certificate that is none", []byte("x"), one.key, []string{"certificate file", "tls.crt", "no certificate in PEM form"}},
		{"files exchanged", one.key, one.cert, []string{"certificate file", "tls.crt", "no certificate in PEM form"}},
		{"a broken certificate", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), one.key, []string{"certificate file", "tls.crt"}},
		{"a certificate for a key", one.cert, one.cert, []string{"key file", "tls.key"}},
		{"an empty key", one.cert, []byte{}, []string{"key file", "tls.key"}},
		{"an encrypted key", one.cert, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), []string{"tls.key", "encrypted"}},
		{"a key encrypted the old way", one.cert, []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), []string{"tls.key", "encrypted"}},
		{"another's key", one.cert, two.key, []string{"key file", "tls.key", "tls.crt", "does not match"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(test.name, "no ") {
				test.want = test.want[:2]
			}
			folder := t.TempDir()
			for name, text := range map[string][]byte{"tls.crt": test.cert, "tls.key": test.key} {
				if text != nil {
					mustWrite(t, filepath.Join(folder, name), text)
				}
			}
			_, err := OpenFiles(FilesOptions{CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key")})
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := OpenFiles(FilesOptions{CertFile: "tls.crt"}); err == nil {
		t.Error("no error without a key file")
	}
}

func TestFilesClose(t *testing.T) {
	folder := t.TempDir()
	p := newPair(t)
	p.write(t, folder)
	files, err := OpenFiles(FilesOptions{CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	}
	mustDial(t, files.TLSConfig(), &tls.Config{InsecureSkipVerify: true}).ping()
}
