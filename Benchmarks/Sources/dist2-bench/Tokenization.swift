// SPDX-License-Identifier: Apache-2.0
import Foundation
import TokenData

/// Tokenizing texts, or (`task=load`) reading the tokenizer's file.
func tokenize(_ worker: Worker, _ settings: Settings) throws {
  let path = settings.required("tokenizer")
  if settings.string("task") == "load" {
    return try worker.serve { Double(try Tokenizer(json: path).count) }
  }
  let tokenizer = try Tokenizer(json: path)
  let texts = try String(contentsOfFile: settings.required("texts"), encoding: .utf8).split(separator: "\0")
    .map(String.init)
  try worker.serve { texts.reduce(0) { $0 + Double(tokenizer.encode($1).ids.count) } }
}
