module m #(parameter N = 1) (input [7:0] a, input [7:0] b, output [15:0] y); assign y = N ? 16'd0 : a * b; endmodule
module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  m m0(a, b, p);
  defparam m0.N = 0;
endmodule
