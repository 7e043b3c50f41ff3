// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Every operation, by the name that the suite asks for. To add one: its file, and its line here.
let operations: [String: (Worker, Settings) throws -> Void] = [
  "all-reduce": allReduce,
  "floors": measureFloors,
  "generate": generate,
  "images": imageTokens,
  "linear-loss": linearLoss,
  "logits-loss": logitsLoss,
  "preferences": preferenceSteps,
  "score": score,
  "seeing": seeing,
  "start": start,
  "step": trainingStep,
  "tokenizer": tokenize,
]

guard let name = CommandLine.arguments.dropFirst().first, let operation = operations[name] else {
  print("usage: dist2-bench (\(operations.keys.sorted().joined(separator: " | "))) [key=value …]")
  exit(2)
}
do {
  let settings = Settings(CommandLine.arguments.dropFirst(2))
  prepare(settings)
  let worker = Worker()
  try operation(worker, settings)
  worker.leave()
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}
