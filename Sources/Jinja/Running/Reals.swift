// SPDX-License-Identifier: Apache-2.0
import Foundation

// Calculation with floats.
extension Interpreter {
  func real(_ left: Double, _ sign: String, _ right: Double) throws(Fault) -> Double {
    if right == 0, ["/", "//", "%"].contains(sign) { throw Fault(expected: "a divisor other than 0", found: "0.0") }
    switch sign {
    case "+": return left + right
    case "-": return left - right
    case "*": return left * right
    case "/": return left / right
    case "%": return Self.modulo(left, right)
    case "//":
      let quotient = (left - Self.modulo(left, right)) / right
      // What is left by rounding goes to the whole number that was meant.
      return quotient == 0 ? (left / right).sign == .minus ? -0.0 : 0 : quotient.rounded()
    default:
      if left == 0, right < 0 { throw Fault(expected: "a base other than 0", found: "0.0") }
      let result = pow(left, right)
      if result.isNaN, left.isFinite, right.isFinite {
        throw Fault(expected: "a real power", found: "\(left) ** \(right)")
      }
      if result.isInfinite, left.isFinite, right.isFinite {
        throw Fault(expected: "a result that a float can hold", found: "\(left) ** \(right)")
      }
      return result
    }
  }

  private static func modulo(_ left: Double, _ right: Double) -> Double {
    let rest = fmod(left, right)
    if rest == 0 { return right < 0 ? -0.0 : 0 }
    return (rest < 0) != (right < 0) ? rest + right : rest
  }

  /// A number with digits after its point as C writes it: `e`, `f`, `g` and a precision up to 100.
  static func digits(_ value: Double, _ letter: Character, precision: Int) -> String {
    withVaList([Int32(clamping: min(max(precision, 0), 100)), value]) { list in
      var buffer = [CChar](repeating: 0, count: 512)
      let count = vsnprintf(&buffer, buffer.count, "%.*\(letter)", list)
      return String(
        decoding: buffer[..<min(max(Int(count), 0), buffer.count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// Python's `round(value, precision)`: of what lies half-way the even one.
  static func rounded(_ value: Double, _ precision: Int) -> Double {
    guard value.isFinite, precision < 100 else { return value }
    if precision >= 0 { return Double(digits(value, "f", precision: precision)) ?? value }
    let unit = pow(10, Double(-max(precision, -310)))
    return unit.isInfinite ? 0 : (value / unit).rounded(.toNearestOrEven) * unit
  }
}
