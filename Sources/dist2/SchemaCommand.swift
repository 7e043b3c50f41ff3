// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of run files, for editors that complete and check them.",
    discussion: """
      With the YAML language server, the first line of a run file names it:

        # yaml-language-server: $schema=run-file.schema.json
      """)

  func run() throws { print(try RunSettings.schema().output(pretty: true, path: "<stdout>")) }
}
