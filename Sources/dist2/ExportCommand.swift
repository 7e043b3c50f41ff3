// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
import Files
import Foundation
public import ModelImport
public import Recipes
import Reports

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract:
      "Write a trained model as a Hugging Face folder for transformers or vLLM, or as a GGUF file for llama.cpp.",
    discussion: """
      Adapters are merged into the weights. Folder or file appears whole or not at all.

      With --gguf one file is written that holds weights, tokenizer and chat template, its matrices in this format. Q4_K is \
      llama.cpp's mixture Q4_K_M; docs/models.md has the families and what is refused.
      """)
  @OptionGroup var model: ModelOptions
  @Option(name: [.short, .long], help: "The folder to make, or the file.", completion: .directory) var output: String
  @Option(help: "Type of the weights of a folder: float32 (default), bfloat16 or float16.") var dtype: ExportType?
  @Option(help: "Write a GGUF file in this format: F32, F16, BF16, Q8_0 or Q4_K.") var gguf: GGUFExport.Format?
  @Flag(help: "Replace the folder if it is there and holds a model, or the file.") var force = false

  func validate() throws {
    if gguf == nil, output.lowercased().hasSuffix(".gguf") {
      throw ValidationError(
        "\(output) is called like a GGUF file: say its format, as in --gguf Q8_0, or choose another name for a folder.")
    }
    if gguf != nil, dtype != nil { throw ValidationError("--dtype is the type of a folder; --gguf has its own.") }
  }

  func run() throws {
    var table = Table(columns: [Table.Column(output), Table.Column("", alignment: .right)])
    if let gguf {
      table.add([.text(gguf.rawValue), .bytes(try writeGGUF(gguf))])
    } else {
      let files = try exportModel(model.choice(), to: output, dtype: dtype ?? .float32, replacing: force)
      for file in files { table.add([.text(file.name), .bytes(file.bytes)]) }
    }
    print(table.text(style: .plain, terminal: .standardOutput))
  }

  /// Writes the file and returns its size.
  private func writeGGUF(_ format: GGUFExport.Format) throws -> Int {
    if !force, fileExists(output) {
      throw InputError(
        path: output, expected: "a name that is free", found: "that it exists already",
        remedy: "Use --force to replace it.")
    }
    let choice = try model.choice()
    let merged = try mergedModel(choice, as: format == .f16 ? .float16 : .float32)
    try withExportedCompanions(of: merged, choice) { folder in
      let name = URL(fileURLWithPath: output).deletingPathExtension().lastPathComponent
      let export = try GGUFExport(merged, tokenizer: folder, name: name)
      for note in export.notes { Terminal.standardError.note(note) }
      try ProgressBar.run("exporting", total: export.parameterCount, unit: "weight") { bar in
        try export.write(to: output, format: format) { bar.update(completed: $0) }
      }
    }
    return try fileSize(output)
  }
}

extension ExportType: ExpressibleByArgument {}
extension GGUFExport.Format: ExpressibleByArgument {}
