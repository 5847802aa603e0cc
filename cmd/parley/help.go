package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// errHelpShown ends a command line that asked for help.
var errHelpShown = errors.New("help was shown")

// helpFlag shows what fits on a screen.
type helpFlag bool

// BeforeReset is kong's hook for a flag that was given, before values are looked at.
func (helpFlag) BeforeReset(ctx *kong.Context) error { return showHelp(ctx, false) }

// helpAllFlag shows every flag.
type helpAllFlag bool

// BeforeReset is kong's hook for a flag that was given, before values are looked at.
func (helpAllFlag) BeforeReset(ctx *kong.Context) error { return showHelp(ctx, true) }

func showHelp(ctx *kong.Context, all bool) error {
	w := tabwriter.NewWriter(ctx.Stdout, 0, 0, 2, ' ', 0)
	cmd := ctx.Selected()
	switch {
	case cmd != nil && !takesSettings(cmd):
		helpForCommand(w, cmd)
	case all:
		helpForEverything(w, ctx.Model)
	default:
		helpForAScreen(w, ctx.Model)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return errHelpShown
}

func printLine(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// helpForAScreen leaves out the flags with the tag more.
func helpForAScreen(w io.Writer, app *kong.Application) {
	printLine(w, "Parley is a WebRTC signaling server: peers meet in rooms, over secure WebSockets.")
	printLine(w, "")
	helpCommands(w, app)
	printLine(w, "")
	printLine(w, "Flags of serve and config (0 turns a limit off):")
	for _, flag := range app.DefaultCmd.Flags {
		if !flag.Tag.Has("more") {
			printLine(w, "  %s\t%s", flagUse(flag), helpText(flag))
		}
	}
	printLine(w, "")
	printLine(w, "--help-all has every flag, with its environment variable.")
}

func helpCommands(w io.Writer, app *kong.Application) {
	printLine(w, "Usage: parley [COMMAND] [FLAGS]")
	for _, cmd := range app.Children {
		name := cmd.Name
		for _, arg := range cmd.Positional {
			name += " " + argumentUse(arg)
		}
		text := cmd.Help
		if cmd == app.DefaultCmd {
			text += " The default."
		}
		printLine(w, "  %s\t%s", name, text)
	}
}

// helpForEverything has each flag of the settings, in groups.
func helpForEverything(w io.Writer, app *kong.Application) {
	helpCommands(w, app)
	printLine(w, "")
	printLine(w, "Each flag of serve and config is also an environment variable, and a key of the file. A flag wins over the")
	printLine(w, "environment, and the environment over the file, where what may be repeated is a sequence, and in the")
	printLine(w, "environment it has commas between. 0 turns a limit off.")
	group := ""
	for _, flag := range app.DefaultCmd.Flags {
		if flag.Group != nil && flag.Group.Title != group {
			group = flag.Group.Title
			printLine(w, "")
			printLine(w, "%s", group)
		}
		printLine(w, "  %s\t%s\t%s", flagUse(flag), variable(flag.Name), helpText(flag))
	}
}

func helpForCommand(w io.Writer, cmd *kong.Node) {
	use := "Usage: parley " + cmd.Name
	for _, arg := range cmd.Positional {
		use += " " + argumentUse(arg)
	}
	printLine(w, "%s", use)
	printLine(w, "%s", cmd.Help)
	if len(cmd.Positional)+len(cmd.Flags) > 0 {
		printLine(w, "")
	}
	for _, arg := range cmd.Positional {
		printLine(w, "  %s\t%s", argumentUse(arg), arg.Help)
	}
	for _, flag := range cmd.Flags {
		printLine(w, "  %s\t%s", flagUse(flag), helpText(flag))
	}
}

func argumentUse(arg *kong.Positional) string {
	name := strings.ToUpper(arg.Name)
	if arg.Required {
		return name
	}
	return "[" + name + "]"
}

func flagUse(flag *kong.Flag) string {
	if flag.IsBool() {
		if flag.Tag.Negatable != "" {
			return "--[no-]" + flag.Name
		}
		return "--" + flag.Name
	}
	return "--" + flag.Name + " " + flag.PlaceHolder
}

func helpText(flag *kong.Flag) string {
	if flag.Default == "" {
		return flag.Help
	}
	return flag.Help + " [" + flag.Default + "]"
}
