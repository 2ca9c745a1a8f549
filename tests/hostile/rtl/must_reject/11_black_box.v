(* blackbox *) module magic(input [7:0] a, input [7:0] b, output [15:0] p); endmodule
module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  magic m(.a(a), .b(b), .p(p));
endmodule
