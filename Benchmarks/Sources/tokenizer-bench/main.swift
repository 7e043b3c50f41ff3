import Foundation
import TokenData

// tokenizer-bench TOKENIZER.json TEXTS
// TEXTS: documents with a zero byte between them. For each line of standard input, "load" or "encode", does that once
// and prints the seconds and the number of tokens. Benchmarks/tokenizer/compare.py asks.
let arguments = CommandLine.arguments
guard arguments.count == 3 else {
  print("usage: tokenizer-bench TOKENIZER.json TEXTS")
  exit(2)
}
do {
  let tokenizer = try Tokenizer(json: arguments[1])
  let texts = try String(contentsOfFile: arguments[2], encoding: .utf8).split(separator: "\0").map(String.init)
  while let command = readLine() {
    var count = 0
    let clock = ContinuousClock()
    let time = try clock.measure {
      if command == "load" {
        count = try Tokenizer(json: arguments[1]).count
      } else {
        for text in texts { count += tokenizer.encode(text).ids.count }
      }
    }
    let (seconds, attoseconds) = time.components
    print(Double(seconds) + 1e-18 * Double(attoseconds), count)
    fflush(nil)
  }
} catch {
  print(error)
  exit(1)
}
