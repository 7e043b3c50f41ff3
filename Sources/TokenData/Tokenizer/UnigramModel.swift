// SPDX-License-Identifier: Apache-2.0
import Files

/// SentencePiece's unigram model (Kudo 2018): of all ways to write a word as pieces, the one whose scores, logarithms of
/// probabilities, have the greatest sum; of equals the one that the `tokenizers` package finds.
struct UnigramModel: WordModel {
  let vocabulary: Vocabulary
  /// The token for characters that no piece begins with alone.
  let unknown: Int32
  private let trie: ByteTrie
  private let scores: [Double]
  private let unknownScore: Double
  /// Tokens `<0x00>` … `<0xFF>` for the bytes of unknown characters; −1 for those that the vocabulary lacks.
  private let byteTokens: [Int32]?

  init(_ json: JSONReader) throws(InputError) {
    let vocab = try json.at("vocab")
    (vocabulary, scores) = try Self.pieces(vocab)
    let id = try json.at("unk_id")
    unknown = Int32(truncatingIfNeeded: try id.int())
    guard try id.int() >= 0, try id.int() < scores.count else {
      throw id.error(expected: "the id of a piece, 0 ..< \(scores.count)")
    }
    trie = ByteTrie(vocabulary)
    // Worse than any piece, so that one is taken where there is one.
    unknownScore = (scores.min() ?? 0) - 10
    let vocabulary = vocabulary
    byteTokens =
      try json.ifPresent("byte_fallback")?.bool() == true
      ? (0..<256).map { vocabulary.id(of: TokenDecoder.token(ofByte: UInt8($0))) ?? -1 } : nil
  }

  /// Reads `[["piece", score], …]`; ids are places in the list.
  private static func pieces(_ json: JSONReader) throws(InputError) -> (Vocabulary, [Double]) {
    let items = try json.elements()
    var vocabulary = Vocabulary(capacity: items.count)
    var scores: [Double] = []
    scores.reserveCapacity(items.count)
    for item in items {
      guard case let pair = try item.elements(), pair.count == 2 else { throw item.error(expected: "[piece, score]") }
      let piece = try pair[0].string()
      guard piece.utf8.count <= Vocabulary.longestToken else { throw pair[0].tokenTooLong }
      guard case let score = try pair[1].double(), score.isFinite else { throw pair[1].error(expected: "a score") }
      vocabulary.append(piece)
      scores.append(score)
    }
    return (vocabulary, scores)
  }

  /// The best way to a place in a word: where its last piece begins, and which one that is.
  struct Path: Sendable {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = 0

    @inline(__always) mutating func offer(_ score: Double, _ start: Int, _ id: Int32) {
      guard self.start < 0 || score > self.score else { return }
      self = Path(score: score, start: Int32(truncatingIfNeeded: start), id: id)
    }
  }

  func cut(_ word: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    workspace.paths.removeAll(keepingCapacity: true)
    workspace.paths.append(contentsOf: repeatElement(Path(), count: word.count + 1))
    workspace.paths.withUnsafeMutableBufferPointer { paths in
      scores.withUnsafeBufferPointer { findPaths(word, $0, paths) }
    }
    workspace.symbols.removeAll(keepingCapacity: true)
    var end = word.count
    while end > 0 {
      let path = workspace.paths[end]
      let length = Int32(end) - path.start
      if path.id == unknown, let last = workspace.symbols.last, last.id == unknown {
        workspace.symbols[workspace.symbols.count - 1].length += length
      } else {
        workspace.symbols.append(.init(id: path.id, length: length))
      }
      end = Int(path.start)
    }
    var position = 0
    for index in workspace.symbols.indices.reversed() {
      let symbol = workspace.symbols[index]
      if symbol.id == unknown {
        appendUnknown(UTF8Bytes(rebasing: word[position..<position + Int(symbol.length)]), &workspace)
      } else {
        workspace.tokens.append(symbol)
      }
      position += Int(symbol.length)
    }
  }

  @inline(__always) private func findPaths(
    _ word: UTF8Bytes, _ scores: UnsafeBufferPointer<Double>, _ paths: UnsafeMutableBufferPointer<Path>
  ) {
    var start = 0
    while start < word.count {
      let soFar = paths[start].score
      let length = word.scalar(at: start).length
      var hasCharacter = false
      var end = start
      var node = ByteTrie.root
      while end < word.count, let child = trie.child(of: node, word[end]) {
        node = child
        end += 1
        guard case let id = trie.value(of: node), id >= 0 else { continue }
        paths[end].offer(soFar + scores[Int(id)], start, id)
        if end - start == length { hasCharacter = true }
      }
      if !hasCharacter { paths[start + length].offer(soFar + unknownScore, start, unknown) }
      start += length
    }
  }

  /// Neighbouring unknown characters are one piece: a token if the vocabulary has it after all, else bytes, else unknown.
  private func appendUnknown(_ text: UTF8Bytes, _ workspace: inout TokenWorkspace) {
    if let id = vocabulary.id(of: text) { return workspace.append(id, length: text.count) }
    guard let byteTokens, text.allSatisfy({ byteTokens[Int($0)] >= 0 }) else {
      return workspace.append(unknown, length: text.count)
    }
    for (index, byte) in text.enumerated() {
      workspace.append(byteTokens[Int(byte)], length: index == 0 ? text.count : 0)
    }
  }

  var longest: Int? {
    guard let byteTokens, !byteTokens.contains(-1) else { return nil }
    return max(1, trie.depth)
  }

  /// At each place a piece may be tried to its end.
  var cost: TextCost { TextCost(work: Double(trie.depth)) }
}
