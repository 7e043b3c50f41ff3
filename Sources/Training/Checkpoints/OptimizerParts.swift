// SPDX-License-Identifier: Apache-2.0
import Files
import Torch

/// An optimizer's state in a checkpoint's files, for processes that need other parts of it than were written together.
///
/// Written by one process it is whole, in `training.safetensors`. Of several that share it (``Sharding``) each writes what it
/// has: `optimizer-00001-of-00004.safetensors` holds tensors such as `first.model.norm.weight[0:256]`, whose numbers are
/// those of these elements of the parameter, in row-major order. Put together they are the same state, so any number of
/// processes goes on from any other.
struct OptimizerParts {
  private struct Piece {
    /// Elements of the parameter that its numbers are about; nil for all of them.
    var range: Range<Int>?
    var stored: SafetensorsTensor

    var start: Int { range?.lowerBound ?? 0 }
  }

  /// By name of the whole, in the order of their elements.
  private var pieces: [String: [Piece]] = [:]
  /// Numbers of whole parameters, each by name and place in a tensor.
  private var counts: [String: (stored: SafetensorsTensor, index: Int)] = [:]
  private let path: String

  /// `optimizer-00001-of-00004.safetensors`, from 1.
  static func fileName(_ number: Int, of count: Int) -> String {
    func digits(_ value: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(value)".count)) + "\(value)" }
    return "optimizer-\(digits(number))-of-\(digits(count)).safetensors"
  }

  /// What one process writes of its part.
  static func sources(of state: [OptimizerState]) -> [SafetensorsSource] {
    state.flatMap { state in
      switch state.content {
      case .ofParameters(let keys):
        keys.enumerated().map { SafetensorsSource(name: "\(state.name).\($1)", tensor: state.tensor.narrow(0, $0, 1)) }
      case .ofElements(let range, _):
        [
          SafetensorsSource(
            name: "\(state.name)[\(range.lowerBound):\(range.upperBound)]", tensor: state.tensor.view([-1]))
        ]
      }
    }
  }

  /// The parts of a checkpoint's folder.
  ///
  /// - Throws: `InputError` naming the file that is missing or damaged.
  init(folder: String, count: Int) throws {
    path = folder
    for number in 1...count {
      let path = "\(folder)/\(Self.fileName(number, of: count))"
      for stored in try SafetensorsFile(path).tensors { try add(stored) }
    }
    for name in pieces.keys { pieces[name]?.sort { $0.start < $1.start } }
  }

  /// State that was written whole.
  ///
  /// - Parameters:
  ///   - prefix: of the optimizer's tensors in the file.
  ///   - keys: trained parameters, in the order in which their counts of updates stand there.
  init(whole file: SafetensorsFile, prefix: String, keys: [String]) {
    path = file.file.path
    for stored in file.tensors where stored.name.hasPrefix(prefix) {
      pieces[String(stored.name.dropFirst(prefix.count))] = [Piece(range: nil, stored: stored)]
    }
    // Of the 8-bit optimizer those whose moments are codes have their counts apart.
    for isCoded in [false, true] {
      let name = isCoded ? "coded.steps" : "steps"
      let members = keys.filter { (pieces["first.scales.\($0)"] != nil) == isCoded }
      guard let steps = pieces.removeValue(forKey: name)?.first?.stored else { continue }
      for (index, key) in members.enumerated() { counts["\(name).\(key)"] = (steps, index) }
    }
  }

  private mutating func add(_ stored: SafetensorsTensor) throws {
    guard let open = stored.name.lastIndex(of: "["), stored.name.last == "]" else {
      counts[stored.name] = (stored, 0)  // the same in each part of a parameter
      return
    }
    let ends = stored.name[open...].dropFirst().dropLast().split(separator: ":").compactMap { Int($0) }
    guard ends.count == 2, 0 <= ends[0], ends[0] < ends[1] else {
      throw InputError(
        path: stored.file.path, place: "tensor \(stored.name)", expected: "a name that ends in [first:end]",
        found: "another end")
    }
    pieces[String(stored.name[..<open]), default: []].append(Piece(range: ends[0]..<ends[1], stored: stored))
  }

  /// Copies what is wanted into tensors in use.
  ///
  /// - Throws: `InputError` naming the tensor that is not there, or of another type or size.
  func copy(into wanted: [OptimizerState]) throws {
    try noGrad {
      for state in wanted {
        switch state.content {
        case .ofParameters(let keys):
          for (index, key) in keys.enumerated() {
            let name = "\(state.name).\(key)"
            guard let (stored, place) = counts[name] else {
              throw misfit(name, expected: "a number", found: "no such tensor")
            }
            try copy(stored, place..<place + 1, into: state.tensor.narrow(0, index, 1))
          }
        case .ofElements(let range, let width): try copy(state, range, width: width)
        }
      }
    }
  }

  /// Puts a tensor together that has a number for every `width` elements of `range`.
  private func copy(_ state: OptimizerState, _ range: Range<Int>, width: Int) throws {
    let values = state.tensor.view([-1])
    var next = range.lowerBound
    for piece in pieces[state.name] ?? [] {
      let held = piece.range ?? 0..<piece.stored.shape.reduce(width, *)
      guard held.overlaps(range) else { continue }
      let common = held.clamped(to: range)
      let from = common.lowerBound - held.lowerBound, to = common.lowerBound - range.lowerBound
      guard common.lowerBound == next, from.isMultiple(of: width), to.isMultiple(of: width) else { break }
      let count = (common.count + width - 1) / width
      try copy(piece.stored, from / width..<from / width + count, into: values.narrow(0, to / width, count))
      next = common.upperBound
    }
    guard next == range.upperBound else {
      throw misfit(state.name, expected: "elements \(next) to \(range.upperBound)", found: "no such part")
    }
  }

  /// Copies some of a stored tensor's numbers.
  private func copy(_ stored: SafetensorsTensor, _ range: Range<Int>, into tensor: Tensor) throws {
    let count = stored.shape.reduce(1, *), type = tensor.dtype.safetensorsType
    guard stored.type == type, range.upperBound <= count else {
      throw misfit(
        stored.name, expected: "\(type.rawValue), at least \(range.upperBound) numbers",
        found: "\(stored.type.rawValue), \(count) numbers", file: stored.file.path)
    }
    let size = tensor.dtype.size
    stored.withBytes { bytes in
      let own = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * size..<range.upperBound * size])
      tensor.copy_(Tensor(bytes: own, shape: [range.count], dtype: tensor.dtype))
    }
  }

  private func misfit(_ name: String, expected: String, found: String, file: String? = nil) -> InputError {
    InputError(
      path: file ?? path, place: "tensor \(name)", expected: expected, found: found,
      remedy: "The checkpoint is of another model or optimizer: choose another folder to begin anew.")
  }
}
