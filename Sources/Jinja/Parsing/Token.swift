// SPDX-License-Identifier: Apache-2.0
/// A piece of a template.
enum Token: Equatable {
  case data([UInt8])
  case beginVariable, endVariable, beginBlock, endBlock
  case name(String)
  case string([UInt8])
  case int(Int)
  case double(Double)
  /// Operators and brackets.
  case sign(String)
  case end

  /// Errors' words for it.
  var words: String {
    switch self {
    case .data: "text"
    case .beginVariable: "{{"
    case .endVariable: "}}"
    case .beginBlock: "{%"
    case .endBlock: "%}"
    case .name(let name): name
    case .string(let bytes): "'\(String(decoding: bytes.prefix(40), as: UTF8.self))'"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .sign(let sign): sign
    case .end: "the end of the template"
    }
  }
}
