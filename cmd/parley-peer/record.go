package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/cmd/parley-peer/media"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// recordCommand are the flags of the command record.
type recordCommand struct {
	peerSettings `embed:""`
	Out          string        `env:"PARLEY_OUT" help:"Where to write the files; made if it is not there." placeholder:"DIR" type:"path"`
	Duration     time.Duration `default:"0" env:"PARLEY_DURATION" help:"For how long to record; 0: until interrupted."`
}

func (c *recordCommand) run(ctx context.Context, out *printer) int {
	switch {
	case c.Room == "":
		return out.usage("--room is missing")
	case c.Out == "":
		return out.usage("--out is missing")
	case c.Duration < 0:
		return out.usage("--duration must not be negative")
	}
	c.logf = out.logger(true, "")
	r := &recording{peer: c.peerSettings, folder: folder{dir: c.Out}, duration: c.Duration}
	return out.recorded(c.JSON, r.run(ctx))
}

// recordResult is what record wrote, and what --json prints.
type recordResult struct {
	OK      bool           `json:"ok"`
	Room    string         `json:"room"`
	Stage   string         `json:"stage,omitempty"`   // where it failed: out, connect, join, media, files
	Problem string         `json:"problem,omitempty"` // and how
	Files   []recordedFile `json:"files"`
	Elapsed int64          `json:"elapsed"` // ms
}

type recordedFile struct {
	Peer string `json:"peer"`
	Name string `json:"name,omitempty"`
	media.Recording
}

// recording is one run of the command record.
type recording struct {
	// Static after construction.
	peer     peerSettings
	folder   folder
	duration time.Duration // from the moment of having joined; 0: until ctx ends

	mu sync.Mutex
	// Guarded by mu.
	taps []*tap
}

// run joins and records until ctx ends, which is the wished end, or something else does.
func (r *recording) run(ctx context.Context) recordResult {
	began := time.Now()
	err := r.record(ctx)
	result := recordResult{Room: r.peer.Room, Files: r.files(), Elapsed: time.Since(began).Milliseconds(), OK: err == nil}
	var stage *stageError
	if errors.As(err, &stage) {
		result.Stage, result.Problem = stage.stage, stage.err.Error()
	}
	return result
}

func (r *recording) record(ctx context.Context) error {
	if err := r.folder.prepare(); err != nil {
		return &stageError{"out", err}
	}
	joined, err := r.peer.join(ctx)
	if err != nil {
		return err
	}
	defer joined.Close()
	api, err := r.peer.api()
	if err != nil {
		return &stageError{"media", err}
	}
	if r.duration > 0 {
		limited, cancel := context.WithTimeout(ctx, r.duration)
		defer cancel()
		ctx = limited
	}
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	m := &meeting{client: joined, api: api, relay: r.peer.RelayOnly, logf: r.peer.logf}
	m.content = func(l *link) (content, error) { return r.tap(ctx, l.peer, fail), nil }
	err = m.run(run)
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeWithin)
	defer cancel()
	leaveErr := joined.Leave(goodbye)
	var failed *stageError
	switch {
	case errors.As(context.Cause(run), &failed):
		return failed
	case run.Err() == nil:
		return &stageError{"join", errors.Join(errors.New("the server ended the session"), err)}
	case leaveErr != nil && !errors.Is(leaveErr, client.ErrClosed):
		r.peer.logf("leave: %v", leaveErr)
	}
	return nil
}

// tap makes the content of a link. A file that cannot be written ends the run: nobody wants to find that out hours later.
func (r *recording) tap(ctx context.Context, peer protocol.Peer, fail context.CancelCauseFunc) *tap {
	t := &tap{peer: peer, probe: newProbe()}
	t.recorder = media.NewRecorder(context.WithoutCancel(ctx), media.RecorderConfig{
		Create: func(track *webrtc.TrackRemote, extension string) (*os.File, error) {
			f, err := r.folder.create(peer, track.ID(), extension)
			if err == nil {
				r.peer.logf("writing %s", f.Name())
			}
			return f, err
		},
		Failed: func(err error) { fail(&stageError{"files", err}) },
	})
	t.probe.finish() // it has nothing to verify, and nobody need stay for it
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taps = append(r.taps, t)
	return t
}

func (r *recording) files() []recordedFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := []recordedFile{}
	for _, t := range r.taps {
		for _, written := range t.recorder.Recordings() {
			files = append(files, recordedFile{Peer: t.peer.Peer, Name: t.peer.Name, Recording: written})
		}
	}
	slices.SortFunc(files, func(a, b recordedFile) int { return a.Began.Compare(b.Began) })
	return files
}

// tap is the content of a call that only receives, and records it.
type tap struct {
	peer     protocol.Peer
	recorder *media.Recorder
	probe    *probe
}

func (t *tap) attach(pc *webrtc.PeerConnection, channel *webrtc.DataChannel) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) { t.recorder.Track(remote, receiver, pc) })
	t.probe.attach(channel)
	return t.recorder.AddTo(pc)
}

func (t *tap) receive(channel *webrtc.DataChannel, m webrtc.DataChannelMessage) {
	t.probe.receive(channel, m.Data)
}

func (t *tap) close() { t.recorder.Close() }

// recorded prints the result of record.
func (p *printer) recorded(asJSON bool, r recordResult) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.stdout
	if asJSON {
		lines = p.stderr
	}
	for _, f := range r.Files {
		fmt.Fprintf(lines, "%s: %.1f s of %s, %d frames, %d skipped\n", f.File, f.Seconds, f.Kind, f.Frames, f.Skipped)
	}
	if r.OK && len(r.Files) == 0 {
		fmt.Fprintln(p.stderr, "parley-peer: nothing came that could be recorded")
	}
	if asJSON {
		if err := json.NewEncoder(p.stdout).Encode(r); err != nil {
			fmt.Fprintln(p.stderr, err)
			return exitFailed
		}
	}
	if r.OK {
		return exitOK
	}
	fmt.Fprintf(p.stderr, "parley-peer: failed at %s: %s\n", r.Stage, r.Problem)
	return exitFailed
}
