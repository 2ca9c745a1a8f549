(* abc9_box_id = 1, abc9_lut = 1 *) module m(input [7:0] a, input [7:0] b, output [15:0] p); assign p = a * b; endmodule
module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  m m0(a, b, p);
endmodule
