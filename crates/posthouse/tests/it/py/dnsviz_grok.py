"""What DNSViz says of what it has seen: warnings and errors alone, which is nothing if all is well.

Debian's pygraphviz lacks the module by which Debian's DNSViz asks for its version.
"""

import sys
import types

import pygraphviz

if not hasattr(pygraphviz, "release"):
    pygraphviz.release = types.ModuleType("pygraphviz.release")
    pygraphviz.release.version = "1.7"
    sys.modules["pygraphviz.release"] = pygraphviz.release

from dnsviz.commands import grok

sys.exit(grok.main(["grok", *sys.argv[1:]]))
