package certs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// timing says when the files are looked at again.
type timing struct {
	settle   time.Duration // after the last event: a new pair is two files, and each may take several writes
	poll     time.Duration // always: for file systems without events, and for links into other folders
	noEvents bool          // tests: no events, only the poll
}

func defaultTiming() timing {
	return timing{settle: 200 * time.Millisecond, poll: time.Minute}
}

// folderWatch tells of events in the folders of some files. The folders and not the files, because
// certificates are replaced by renaming: a watch on a file would stay with the old one. The zero
// value tells of nothing.
type folderWatch struct {
	watcher *fsnotify.Watcher
	folders []string
	events  <-chan fsnotify.Event
	errors  <-chan error
}

// newFolderWatch returns a watch that can be used even when there is an error.
func newFolderWatch(t timing, files ...string) (*folderWatch, error) {
	w := &folderWatch{}
	if t.noEvents {
		return w, nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return w, err
	}
	w.watcher, w.events, w.errors = watcher, watcher.Events, watcher.Errors
	for _, file := range files {
		if folder := filepath.Dir(file); !slices.Contains(w.folders, folder) {
			w.folders = append(w.folders, folder)
		}
	}
	return w, w.renew()
}

// renew watches folders that were removed and made again. For others it changes nothing.
func (w *folderWatch) renew() error {
	var first error
	for _, folder := range w.folders {
		if err := w.watcher.Add(folder); err != nil && first == nil {
			first = fmt.Errorf("%s: %w", folder, err)
		}
	}
	return first
}

func (w *folderWatch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
}

// run checks the files until the context ends.
func (f *Files) run(ctx context.Context, watch *folderWatch, watchErr error) {
	defer close(f.done)
	defer watch.close()
	if watchErr != nil {
		f.report(fmt.Errorf("changes of the certificate are noticed only every %v: cannot watch %w", f.timing.poll, watchErr))
	}
	poll := time.NewTicker(f.timing.poll)
	defer poll.Stop()
	settle := time.NewTimer(f.timing.settle)
	settle.Stop() // until the first event
	for {
		select {
		case <-ctx.Done():
			return
		// Not filtered by name: what changes may be a link that the name leads through.
		case _, ok := <-watch.events:
			if !ok {
				watch.events = nil // the watch died, the poll goes on
			}
			settle.Reset(f.timing.settle)
			continue
		// Events were lost, so anything may have changed.
		case _, ok := <-watch.errors:
			if !ok {
				watch.errors = nil
			}
			settle.Reset(f.timing.settle)
			continue
		case <-settle.C:
		case <-poll.C:
		}
		// A folder that cannot be watched now is tried again at the next poll, which checks anyway.
		_ = watch.renew()
		f.check()
	}
}
