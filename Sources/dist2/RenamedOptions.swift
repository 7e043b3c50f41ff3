// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes
import Reports

/// `--pictures`, as earlier versions called `--images`.
struct OldImageOptions: ParsableArguments {
  @Option(name: .customLong("pictures"), help: .hidden) var pictures: String?

  /// The folder that was given by the old name, with a note of the new one.
  func folder() -> String? {
    if pictures != nil { noteRenamed("--pictures", to: "--images") }
    return pictures
  }
}

/// Says what an option or key of earlier versions is called now.
func noteRenamed(_ old: String, to new: String) {
  Terminal.standardError.note("\(old) is called \(new) now; the old name works for one more version")
}
