package media

import (
	"encoding/json"
	"testing"

	"github.com/pion/rtp"
)

// Checks in states that the tables below combine.
func sawVideo(packets uint64) *videoCheck {
	return &videoCheck{VideoResult: VideoResult{Packets: packets}}
}

func goodVideo(packets uint64) *videoCheck {
	return &videoCheck{VideoResult: VideoResult{Packets: packets, Frames: WantFrames, KeyFrames: 1}, decoded: true}
}

func sawAudio(packets uint64) *audioCheck {
	return &audioCheck{AudioResult: AudioResult{Packets: packets}}
}

func goodAudio(packets uint64) *audioCheck {
	return &audioCheck{AudioResult: AudioResult{Packets: packets}, total: WantAudio, agreed: WantAudio}
}

func TestVerifierMissing(t *testing.T) {
	tests := []struct {
		name         string
		video        []*videoCheck
		audio        []*audioCheck
		want         string
		tracks       [2]uint64 // packets of the tracks that the result is of
		wantVerified bool
	}{
		{name: "no track", want: "no video packet arrived; no audio packet arrived"},
		{
			name: "no audio", video: []*videoCheck{goodVideo(9)}, want: "no audio packet arrived", tracks: [2]uint64{9, 0},
		},
		{
			name: "no video", audio: []*audioCheck{goodAudio(9)}, want: "no video packet arrived", tracks: [2]uint64{0, 9},
		},
		{
			name: "both idle", video: []*videoCheck{sawVideo(3)}, audio: []*audioCheck{sawAudio(4)}, tracks: [2]uint64{3, 4},
			want: "3 video packets arrived, but no complete frame; 4 audio packets arrived, but no audio in them",
		},
		{
			name: "the busiest is told of", video: []*videoCheck{sawVideo(1), sawVideo(3), sawVideo(2)},
			audio: []*audioCheck{sawAudio(1), sawAudio(3), sawAudio(2)}, tracks: [2]uint64{3, 3},
			want: "3 video packets arrived, but no complete frame; 3 audio packets arrived, but no audio in them",
		},
		{
			name: "one good track of each is enough", video: []*videoCheck{sawVideo(80), goodVideo(20), sawVideo(90)},
			audio: []*audioCheck{goodAudio(30), sawAudio(90)}, tracks: [2]uint64{20, 30}, wantVerified: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := NewVerifier(t.Context(), &Clip{})
			defer v.Close()
			v.video, v.audio = tt.video, tt.audio
			if got := v.Missing(); got != tt.want {
				t.Errorf("missing %q, want %q", got, tt.want)
			}
			v.update(func() {})
			r := v.Result()
			if r.Verified != tt.wantVerified || [2]uint64{r.Video.Packets, r.Audio.Packets} != tt.tracks {
				t.Errorf("result %+v", r)
			}
		})
	}
}

func TestResultStaysVerified(t *testing.T) {
	v := NewVerifier(t.Context(), &Clip{})
	defer v.Close()
	v.video, v.audio = []*videoCheck{goodVideo(10)}, []*audioCheck{goodAudio(10)}
	v.update(func() {})
	v.update(func() { v.audio[0].Malformed = 10 })
	if !v.Result().Verified || v.Missing() != "" {
		t.Errorf("took it back: %q", v.Missing())
	}
}

func TestOtherCodecIsSaid(t *testing.T) {
	video, audio := &videoCheck{codec: "video/H264"}, &audioCheck{codec: "audio/PCMU"}
	p := &rtp.Packet{Payload: []byte{1}}
	video.push(p)
	audio.push(p)
	if got := video.missing(); got != "the video is video/H264, not VP8" {
		t.Error(got)
	}
	if got := audio.missing(); got != "the audio is audio/PCMU, not Opus" {
		t.Error(got)
	}
}

func TestResultJSON(t *testing.T) {
	got, err := json.Marshal(Result{Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"verified":true,` +
		`"video":{"packets":0,"bytes":0,"lost":0,"frames":0,"keyFrames":0,"malformed":0,"width":0,"height":0,"clip":false},` +
		`"audio":{"packets":0,"bytes":0,"lost":0,"seconds":0,"agreed":0,"gaps":0,"overlaps":0,"malformed":0}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
