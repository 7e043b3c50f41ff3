// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Prints a line on standard output, at once; everywhere in this program in place of Swift's own `print`, which says
/// nothing of lines that are lost.
///
/// Where standard output takes no more the process ends: with words and exit code 1 for a full disk or a closed
/// descriptor, as every Unix tool does (by SIGPIPE, silently) where whoever read the pipe has gone.
func print(_ text: String) {
  let output = ByteStream.standardOutput
  switch output.tryWrite(text + "\n") {
  case 0: return
  case EPIPE:
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
  case let code:
    complain("\(InputError(path: output.name, expected: "room for \(text.utf8.count + 1) bytes", code: code))")
  }
  Foundation.exit(1)
}

/// Says on standard error what went wrong; where that is closed or full, nobody can be told.
func complain(_ words: String) { _ = ByteStream.standardError.tryWrite("dist2: \(words)\n") }

/// Throws unless arguments and the current folder are text: Swift would change other bytes without a word, and another
/// file would be read or written.
func requireTextArguments() throws(InputError) {
  for index in 1..<max(1, Int(CommandLine.argc)) {
    guard let argument = CommandLine.unsafeArgv[index] else { break }
    guard String(validatingCString: argument) == nil else { continue }
    throw InputError(
      path: "<arguments>", place: "argument \(index)", expected: "text in UTF-8",
      found: "\(String(cString: argument)), with bytes that are not", remedy: "Rename the file or folder.")
  }
  guard let folder = getcwd(nil, 0) else { return }
  defer { free(folder) }
  guard String(validatingCString: folder) == nil else { return }
  throw InputError(
    path: String(cString: folder), expected: "a current folder with a name in UTF-8", found: "bytes that are not",
    remedy: "Rename it, or call dist2 from elsewhere.")
}
